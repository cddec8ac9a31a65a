"""Runs of hum-load: those that send, and the crowd that comes and stays."""

import json
import pathlib
import select
import subprocess
import time

from brokers import BenchError
from cpu import CpuMeter, children_s

HUM_LOAD = pathlib.Path(__file__).resolve().parent.parent / "build/release/bench/hum-load"
WARMUP_S = 2
# After the last client is in: what the broker still has to do for them, presence for one.
SETTLE_S = 2
SAMPLE_S = 0.05
CROWD_S = 150


def command(broker, shape, credentials, *more):
    port = broker.web_port if shape == "crowd-ws" else broker.port
    return [HUM_LOAD, "--mode", broker.mode, "--shape", shape, "--port", str(port),
            "--credentials", broker.credentials[credentials], *map(str, more)]


def _failed(row, broker, words):
    return BenchError(f"{row.name} on {broker.name}: {words.strip()}\n{broker.log_tail()}")


def send(broker, row, seconds):
    """One run of hum-load: what it measured, and the CPU time of all that the broker runs."""
    meter = CpuMeter(broker.pids())
    before = children_s()
    done = subprocess.run(
        command(broker, row.shape, row.people, "--warmup", WARMUP_S, "--seconds", seconds),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise _failed(row, broker, done.stderr)
    result = json.loads(done.stdout)
    result["cpu_us_per_message"] = meter.per_message(result)
    result["cpu_elsewhere"] = meter.elsewhere(children_s() - before)
    return result


def _watch_connections(process, broker):
    """PostgreSQL's connections, again and again, until hum-load says that all are in."""
    deadline = time.monotonic() + CROWD_S
    seen = []
    while not select.select([process.stdout], [], [], SAMPLE_S)[0]:
        seen.append(broker.database_connections())
        if time.monotonic() > deadline:
            raise BenchError(f"the crowd is not in after {CROWD_S} s")
    return seen


def crowd(broker, row, quiet):
    """A broker that has just started; then everybody at once; then nobody does anything."""
    broker.restart()
    quiet()
    meter = CpuMeter(broker.pids())
    before = children_s()
    process = subprocess.Popen(command(broker, row.shape, row.people), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        seen = _watch_connections(process, broker)
        line = process.stdout.readline()
        if not line:
            raise _failed(row, broker, process.communicate()[1])
        result = json.loads(line)
        time.sleep(SETTLE_S)
        grown = broker.resident_kib() - broker.idle_kib
        after = broker.database_connections()
        _, problem = process.communicate(timeout=30)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode != 0:
        raise _failed(row, broker, problem)
    result["kib_per_session"] = round(grown / result["clients"], 3)
    result["database_connections"] = after
    result["database_connections_more"] = max(seen, default=after) - after
    result["cpu_elsewhere"] = meter.elsewhere(children_s() - before)
    return result
