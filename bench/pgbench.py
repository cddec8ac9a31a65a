"""The statements of the control API, run by pgbench as the API's own role, prepared as the API does."""

import os
import re
import subprocess

from brokers import BenchError
from cpu import CpuMeter, children_s

# As the API's own connections (control-api/main.c).
OPTIONS = "-c jit=off -c plan_cache_mode=force_generic_plan"
PROGRAM = "/usr/lib/postgresql/15/bin/pgbench"


def statements(hum):
    """The text of each statement of the API, by name."""
    done = subprocess.run([hum.home / "app/hum-api", "statements"], capture_output=True, text=True,
                          check=True)
    return dict(line.split("\t") for line in done.stdout.splitlines())


def fill(sql, values):
    """The statement with pgbench's variables in the places of its own. values: their names."""
    wanted = {int(number) for number in re.findall(r"\$(\d+)", sql)}
    if wanted != set(range(1, len(values) + 1)):
        raise BenchError(f"a statement of the API takes other values than the benchmark has: {sql}")
    return re.sub(r"\$(\d+)", lambda match: f":{values[int(match[1]) - 1]}", sql) + ";\n"


def _command(hum, scripts, variables, connections, seconds):
    command = [PROGRAM, "-h", hum.home / "run", "-U", "hum_api", "-n", "-M", "prepared",
               "-c", str(connections), "-j", "1", "-T", str(seconds)]
    for script in scripts:
        command += ["-f", script]
    for name, value in variables.items():
        command += ["-D", f"{name}={value}"]
    return [*command, "hum"]


def run(hum, scripts, variables, connections, seconds):
    """One run: transactions/s, each one of the scripts, as `requests_per_s`. A machine that is too busy to get beyond
    connecting in that time is given more."""
    meter = CpuMeter(hum.pids())
    before = children_s()
    password = (hum.home / "secrets/api.password").read_text().strip()
    done = subprocess.run(_command(hum, scripts, variables, connections, seconds),
                          env={"PATH": os.environ["PATH"], "PGPASSWORD": password, "PGOPTIONS": OPTIONS},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.M)
    count = re.search(r"^number of transactions actually processed: (\d+)", done.stdout, re.M)
    if count and count[1] == "0" and seconds < 60:
        return run(hum, scripts, variables, connections, 4 * seconds)
    if done.returncode != 0 or not rate or not count or "ERROR" in done.stderr:
        raise BenchError(f"pgbench: {done.stderr.strip()}\n{done.stdout.strip()}")
    result = {"requests_per_s": float(rate[1]), "messages": int(count[1]),
              "messages_whole_run": int(count[1]), "generator_cpu_s": children_s() - before}
    result["cpu_us_per_message"] = meter.per_message(result, "pgbench")
    result["cpu_elsewhere"] = meter.elsewhere(result["generator_cpu_s"])
    return result
