"""A running instance: what it says, who it runs as, what it leaves in its folder. On the shared one."""

import os
import stat

import pytest

from lib import processes
from lib.instance import PARTS
from lib.rest import ok


def test_status_tells_ports_and_pids(hum):
    done = hum.run("status")
    assert done.returncode == 0, done.stdout + done.stderr
    for part, pid in hum.pids().items():
        (line,) = [x for x in done.stdout.splitlines() if x.startswith(part)]
        assert str(pid) in line.split() and "ready" in line.split()
    for port in (hum.http_port, hum.mqtt_port, hum.ws_port):
        assert f":{port}" in done.stdout


@pytest.mark.parametrize("args", [("up", "-d"), ("up",)], ids=" ".join)
def test_a_second_up_says_so(hum, args):
    before = hum.pids()
    done = hum.run(*args)
    assert done.returncode != 0
    assert "already running" in done.stderr and str(hum.home) in done.stderr
    assert hum.pids() == before
    ok(hum.rest.get("/health/ready"))


def test_nothing_runs_as_root(hum):
    found = processes.of_home(hum.home)
    assert len(found) > 5, "PostgreSQL has processes of its own"
    owner = os.stat(hum.home / "run").st_uid
    assert owner != 0
    for pid, line in found.items():
        assert set(processes.uids(pid)) <= {owner}, line


def test_postgresql_listens_on_no_network(hum):
    assert hum.database.value("show listen_addresses") == ""
    assert hum.database.value("show unix_socket_directories") == str(hum.home / "run")


@pytest.mark.parametrize("name", ["run", "secrets", "keys", "postgres", "keys/api", "keys/mqtt", "keys/refresh", "keys/mail",
                                  "log"])
def test_private_folders(hum, name):
    assert stat.S_IMODE(os.stat(hum.home / name).st_mode) == 0o700


def test_private_files(hum):
    files = [p for folder in ("secrets", "keys", "run", "log") for p in (hum.home / folder).rglob("*")
             if p.is_file()]
    assert len(files) > 6
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_all_that_listens_is_on_the_address_asked_for(hum):
    for port in (hum.http_port, hum.mqtt_port, hum.ws_port, hum.metrics_port):
        hexport = f":{port:04X}"
        rows = []
        for name in ("/proc/net/tcp", "/proc/net/tcp6"):
            if os.path.exists(name):
                with open(name) as file:
                    rows += [r.split() for r in file.readlines()[1:]]
        listening = [r[1] for r in rows if r[3] == "0A" and r[1].endswith(hexport)]
        assert listening == [f"0100007F{hexport}"]


def test_psql(hum):
    done = hum.run("psql", "-At", "-c", "select current_database(), session_user = current_user")
    assert (done.returncode, done.stdout.strip()) == (0, "hum|t")


def test_logs(hum):
    done = hum.run("logs")
    assert done.returncode == 0
    for part in PARTS:
        assert f"{part}.log" in done.stdout


def test_the_demo_shows_a_chat(hum):
    done = hum.run("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "messages" in done.stdout and "mosquitto_pub" in done.stdout


def test_the_daemons_get_a_clean_environment(hum):
    for part in ("mosquitto", "api"):
        with open(f"/proc/{hum.pid(part)}/environ", "rb") as file:
            names = {e.split(b"=")[0].decode() for e in file.read().split(b"\0") if e}
        allowed = {"PATH", "LANG", "LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"}
        assert {n for n in names if not n.startswith("HUM_")} <= allowed
        assert "HUM_HOME" not in names and "PGPASSWORD" not in names
