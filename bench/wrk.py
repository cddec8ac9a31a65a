"""REST under load, by wrk: keep-alive connections, each with one request in flight."""

import json
import pathlib
import subprocess
import urllib.parse

from brokers import BenchError
from cpu import CpuMeter, children_s

SCRIPT = pathlib.Path(__file__).resolve().parent / "wrk.lua"
TIMEOUT_S = 10  # of a request


def write_requests(path, requests):
    """The file for `start`: requests is a list of (access token, path with query)."""
    path.touch(mode=0o600)
    path.write_text("".join(f"{token} {target}\n" for token, target in requests))
    return path


def search_path(prefix):
    return f"/v1/users/search?{urllib.parse.urlencode({'nickname': prefix})}"


def start(hum, requests, connections, seconds, pause_ms=0):
    """wrk at work; `finish` waits for it. pause_ms: before each request of a connection."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout",
               f"{TIMEOUT_S}s", "-s", SCRIPT, hum.url]
    environment = {"REQUESTS": str(requests), "PAUSE_MS": str(pause_ms), "PATH": "/usr/bin:/bin"}
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process, what):
    text = process.communicate()[0]
    line = text.rstrip().rpartition("\n")[2]
    if process.returncode != 0 or not line.startswith("{"):
        raise BenchError(f"{what}: wrk failed: {text.strip()}")
    result = json.loads(line)
    if result["errors"] or not result["messages"]:
        raise BenchError(f"{what}: {result['errors']} of {result['messages']} requests failed")
    result["requests_per_s"] = round(result["messages"] / result["seconds"], 1)
    return result


def run(hum, requests, connections, seconds, what):
    """One run, with the CPU time of all that Hum runs."""
    meter = CpuMeter(hum.pids())
    before = children_s()
    result = finish(start(hum, requests, connections, seconds), what)
    result["generator_cpu_s"] = children_s() - before
    result["messages_whole_run"] = result["messages"]
    result["cpu_us_per_message"] = meter.per_message(result, "wrk")
    result["cpu_elsewhere"] = meter.elsewhere(result["generator_cpu_s"])
    return result
