"""Starting, stopping, restarting, dying. One more instance, beside the shared one.

Most of it is the script's doing, and release_only; what the daemons themselves do about it is seen on every build."""

import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from lib import processes
from lib.instance import PARTS, ROOT, SCRIPT, Instance, environment
from lib.pictures import plain
from lib.rest import Rest, ok, problem


@pytest.fixture(scope="module")
def data(hum):
    """An instance whose data the tests of this file share. Each starts it and leaves it stopped."""
    instance = Instance()
    yield instance
    reports = instance.reports()
    instance.remove()
    assert not reports, reports


@pytest.fixture
def other(data):
    yield data
    data.run("down")


def nothing_left(instance, killed=False):
    """killed: whoever was killed leaves its socket's file behind, which the next start clears away."""
    assert not processes.of_home(instance.home)
    left = {p.name for p in (instance.home / "run").iterdir()}
    assert not [n for n in left if n.endswith(".pid")] and "state" not in left, left
    assert killed or not left & {"wake.sock", ".s.PGSQL.5432"}, left
    assert instance.run("status").returncode != 0


def heed_ctrl_c():
    """Where the tests themselves run behind a script, Ctrl-C is ignored, and whoever inherits that cannot trap it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Foreground:
    """`./hum up` in the foreground, ready to serve."""

    def __init__(self, instance):
        env = environment(**instance.settings)
        self.process = subprocess.Popen([SCRIPT, "up"], env=env, cwd=ROOT, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        start_new_session=True, preexec_fn=heed_ctrl_c)
        self.said = b""
        while b"Ctrl-C" not in self.said:
            readable, _, _ = select.select([self.process.stdout], [], [], 120)
            chunk = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            assert chunk, self.said + self.process.stderr.read()
            self.said += chunk

    def end(self):
        """Waits for its end; status, output, errors."""
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, (self.said + out).decode(), err.decode()


# --- up, down, up ---


@pytest.mark.release_only
def test_two_instances_at_once(hum, other):
    other.up()
    mine, theirs = hum.sign_up(), other.sign_up()
    problem(hum.rest.post("/v1/auth/login", {"email": theirs.email, "password": theirs.password}), 401,
            "invalid_credentials")
    problem(Rest(hum.http_url, theirs.token).get("/v1/users/me"), 401, "unauthorized")
    problem(Rest(other.http_url, mine.token).get("/v1/users/me"), 401, "unauthorized")
    assert set(hum.pids().values()) & set(other.pids().values()) == set()
    other.down()
    nothing_left(other)
    ok(mine.get("/v1/users/me"))
    assert hum.run("status").returncode == 0


def test_data_and_sessions_outlive_a_restart(other):
    other.up()
    a, b, dm = other.pair()
    said = [a.say(dm, "before"), b.say(dm, "too")]
    other.down()
    nothing_left(other)
    other.up()
    assert ok(a.get("/v1/users/me"))["id"] == a.id, "the keys are the same"
    assert a.history(dm) == said
    assert b.say(dm, "after")["seq"] == 3
    ok(other.rest.post("/v1/auth/refresh", {"refresh_token": a.session["refresh_token"]}))
    assert a.sign_in().id == a.id
    assert other.run("down").stdout.strip() == "stopped"
    nothing_left(other)


@pytest.mark.release_only
def test_two_ups_at_once_start_one(other):
    env = environment(**other.settings)
    started = [subprocess.Popen([SCRIPT, "up", "-d"], env=env, cwd=ROOT, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [p.communicate(timeout=300) for p in started]
    codes = [p.returncode for p in started]
    assert sorted(codes) == [0, 1], said
    loser = said[codes.index(1)][1]
    assert "another ./hum up" in loser or "already running" in loser
    assert set(other.pids()) == set(PARTS)
    ok(other.rest.get("/health/ready"))


# --- the foreground ---


@pytest.mark.release_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_stops_all_of_it(other, number):
    up = Foreground(other)
    ok(other.rest.get("/health/ready"))
    os.kill(up.process.pid, number)
    status, out, err = up.end()
    assert (status, err) == (0, ""), out
    nothing_left(other)


@pytest.mark.release_only
def test_ctrl_c_in_a_terminal_stops_all_of_it(other):
    """The terminal sends it to the whole group, children included."""
    up = Foreground(other)
    os.killpg(up.process.pid, signal.SIGINT)
    status, out, err = up.end()
    assert (status, err) == (0, ""), out
    nothing_left(other)


@pytest.mark.release_only
def test_down_ends_the_foreground(other):
    up = Foreground(other)
    other.down()
    status, out, err = up.end()
    assert (status, err) == (0, "") and "down" in out
    nothing_left(other)


@pytest.mark.release_only
@pytest.mark.parametrize("part", PARTS)
def test_a_daemon_that_dies_ends_all_of_it(other, part):
    up = Foreground(other)
    os.kill(other.pid(part), signal.SIGKILL)
    status, out, err = up.end()
    assert status not in (0, None)
    first = err.splitlines()[0]
    assert part in first and "stopped" in first and f"{part}.log" in first
    nothing_left(other, killed=True)


# --- what goes wrong ---


def test_postgresql_gone(other):
    other.up()
    person = other.sign_up()
    os.kill(other.pid("postgres"), signal.SIGKILL)
    while "postgres" in other.pids():
        time.sleep(0.01)
    answer = other.rest.get("/health/ready")
    while answer.status_code == 200:
        answer = other.rest.get("/health/ready")
    problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    ok(other.rest.get("/health/live"))
    problem(person.get("/v1/rooms"), 503, "unavailable")
    done = other.run("status")
    assert done.returncode != 0 and "stopped" in done.stdout and "not ready" in done.stdout
    other.down()
    nothing_left(other, killed=True)
    other.up()  # PostgreSQL recovers by itself
    ok(person.get("/v1/users/me"))


def test_a_daemon_that_cannot_start(other):
    folder = other.home / "keys" / "mqtt"
    bad = folder / "99990101T000000Z.key"
    bad.write_bytes(b"too short")
    shutil.chown(bad, folder.owner())
    try:
        done = other.run("up", "-d")
    finally:
        bad.unlink()
    assert done.returncode != 0
    assert "key" in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) < 25
    nothing_left(other)


@pytest.mark.release_only
def test_secrets_are_in_no_command_line(other):
    """Not even for a moment, while it starts."""
    for path in (other.home / "secrets").iterdir():
        path.unlink()  # new ones are made, and set
    env = environment(**other.settings)
    up = subprocess.Popen([SCRIPT, "up", "-d"], env=env, cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = set()
    while up.poll() is None:
        seen |= set(processes.command_lines().values())
    seen |= set(processes.command_lines().values())
    assert up.returncode == 0
    secrets = [p.read_text().strip() for p in (other.home / "secrets").iterdir()]
    assert len(secrets) == 2 and all(len(s) >= 24 for s in secrets)
    assert any("psql" in line for line in seen), "the test looks often enough"
    for secret in secrets:
        assert not [line for line in seen if secret in line]
        for part in PARTS:
            assert secret not in other.log(part)


# --- another PostgreSQL ---


@pytest.mark.release_only
def test_a_database_of_ones_own(hum, new_instance):
    name = "t_elsewhere"
    hum.database.rows(f"create role {name} login createrole password 'p@ss word'")
    hum.database.rows(f"create database {name} owner {name}")
    hum.database.rows(f"grant create on database {name} to {name}")
    url = f"postgresql://{name}:p%40ss%20word@/{name}?host={hum.home / 'run'}"
    own = new_instance(HUM_DATABASE_URL=url, HUM_PUBLIC_URL="https://chat.example.org/")
    try:
        shutil.chown(own.home, (hum.home / "run").owner())
        done = own.run("up", "-d")
        assert done.returncode == 0, done.stderr
        assert set(own.pids()) == {"mosquitto", "api"}
        assert not (own.home / "postgres").exists()
        person = own.sign_up()
        assert person.mqtt["tcp"] == "mqtts://chat.example.org:8883"
        assert person.mqtt["ws"] == "wss://chat.example.org/mqtt"
        pictured = person.call("PUT", "/v1/users/me/avatar", data=plain(), headers={"Content-Type": "image/png"})
        assert pictured.json()["avatar_url"].startswith(f"https://chat.example.org/v1/users/{person.id}/avatar?v=")
        database = hum.database.on(name)
        assert database.value("select count(*) from users where id = %s", person.id) == 1
        assert not [x for x in processes.command_lines().values() if "ss%20word" in x or "p@ss" in x]
        assert own.run("status").returncode == 0
        own.down()
        assert hum.run("status").returncode == 0, "that server is not ours to stop"
    finally:
        own.run("down")
        hum.database.rows(f"drop database if exists {name} with (force)")
        for role in (f"{name}_broker", f"{name}_api", name):
            hum.database.rows(f"drop role if exists {role}")


@pytest.mark.root_only
def test_a_folder_that_the_daemons_cannot_pass(new_instance):
    blocked = pathlib.Path(tempfile.mkdtemp(prefix="hum-test-blocked-"))  # mode 0700
    try:
        done = new_instance(home=blocked / "home").run("up", "-d")
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert str(blocked) in line and "HUM_HOME" in line and "chmod" in line
        assert not processes.of_home(blocked)
    finally:
        shutil.rmtree(blocked)
