"""An instance of Hum, started and stopped by the script that people use."""

import base64
import os
import pathlib
import random
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time

import requests

from lib import rest, spec
from lib.database import Database
from lib.paths import ROOT

SCRIPT = ROOT / "hum"
PRESET = os.environ.get("HUM_PRESET", "release")
PARTS = ("postgres", "mosquitto", "api")
# What the sanitizers write: into log/asan* and the like, or into a daemon's own log.
REPORT = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:")


def build_dir(preset=PRESET):
    return ROOT / "build" / preset


class Ports:
    """Below those that the system gives to outgoing connections. Each process that tests takes a block of them for
    itself, by an abstract socket that is gone with it, and gives out each port once: whoever starts something has its
    ports to itself from the choice to the bind, also from runs beside it."""

    FIRST, LAST, BLOCK = 20000, 32000, 100

    def __init__(self):
        self.held, self.mine = [], []

    def _take(self):
        blocks = list(range(self.FIRST, self.LAST, self.BLOCK))
        random.SystemRandom().shuffle(blocks)  # whatever a test has seeded
        for first in blocks:
            mark = socket.socket(socket.AF_UNIX)
            try:
                mark.bind(f"\0hum-test-ports-{first}")
            except OSError:
                mark.close()
                continue
            self.held.append(mark)
            return list(range(first, first + self.BLOCK))
        raise AssertionError("no ports are left")

    def one(self):
        while True:
            if not self.mine:
                self.mine = self._take()
            port = self.mine.pop(0)
            with socket.socket() as probe:
                try:
                    probe.bind(("", port))
                except OSError:
                    continue
            return port


_ports = Ports()


def free_ports(count):
    """Ports that nothing listens on, and that nobody else who tests will."""
    return [_ports.one() for _ in range(count)]


def environment(**settings):
    """The environment without any setting of Hum's but these."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HUM_", "PG"))}
    env["HUM_PRESET"] = PRESET
    env.update({k: str(v) for k, v in settings.items()})
    return env


def alive(pid):
    """Whether a process runs; one that is dead and not yet reaped does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def leak_check_broke(text):
    """Whether the leak checker itself fell over, now and then, while it walked a process that ends: it has found
    nothing then, and the other instances' ends are checked all the same."""
    broke = "LeakSanitizer has encountered a fatal error" in text
    return broke and not re.search(r"ERROR: |runtime error|WARNING: ThreadSanitizer", text)


class Instance:
    def __init__(self, home=None, **settings):
        self.owns_home = home is None
        self.home = pathlib.Path(home or tempfile.mkdtemp(prefix="hum-test-"))
        self.http_port, self.mqtt_port, self.ws_port, self.metrics_port = free_ports(4)
        self.host = "127.0.0.1"
        self.http_url = f"http://{self.host}:{self.http_port}"
        self.settings = {
            "HUM_HOME": self.home,
            "HUM_HTTP_PORT": self.http_port,
            "HUM_MQTT_PORT": self.mqtt_port,
            "HUM_WS_PORT": self.ws_port,
            "HUM_METRICS_PORT": self.metrics_port,
            "HUM_LIMITS": "off",
            **settings,
        }
        self.http = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=64)
        self.http.mount("http://", adapter)
        self.http.hooks["response"].append(self._check)
        self.rest = rest.Rest(self.http_url, http=self.http)  # a client that has not signed in
        self.first_pids = {}
        self._owner = None

    def _check(self, response, **how):
        if response.url.startswith(f"{self.http_url}/"):  # and not the broker's metrics
            spec.check_response(response, **how)

    # --- the script ---

    def run(self, *args, timeout=600, **settings):
        """Runs ./hum; returns the finished process, with its output as text."""
        return subprocess.run(
            [SCRIPT, *args],
            env=environment(**{**self.settings, **settings}),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout,
        )

    def up(self):
        done = self.run("up", "-d")
        assert done.returncode == 0, f"hum up -d: {done.returncode}\n{done.stdout}\n{done.stderr}"
        self.first_pids = self.pids()
        assert set(self.first_pids) == set(PARTS), f"{self.first_pids}\n{done.stdout}"
        return done

    def down(self):
        done = self.run("down")
        assert done.returncode == 0, f"hum down: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def forget(self):
        """Lets PostgreSQL stop without writing to disk for good what is thrown away next: a dozen
        databases are ten thousand files."""
        if "postgres" in self.pids():
            self.database.rows("alter system set fsync = off")
            self.database.rows("select pg_reload_conf()")

    def remove(self):
        """Stops what runs and forgets the data, whatever state it is in."""
        self.http.close()
        self.run("down")
        if self.owns_home and not os.environ.get("HUM_TEST_KEEP"):
            shutil.rmtree(self.home, ignore_errors=True)

    def dial(self, port, timeout):
        """A connection to one of its ports."""
        return socket.create_connection((self.host, port), timeout)

    # --- what it runs ---

    def pid(self, part):
        return int((self.home / "run" / f"{part}.pid").read_text().split()[0])

    def pids(self):
        """Pids by part, of the parts that live."""
        found = {}
        for part in PARTS:
            try:
                pid = self.pid(part)
            except (FileNotFoundError, IndexError):
                continue
            if alive(pid):
                found[part] = pid
        return found

    def log(self, part):
        path = self.home / "log" / f"{part}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def settle(self):
        """Waits until all that the API has logged is in its log: lines are written in their order."""
        mark = f"mark-{secrets.token_hex(8)}"
        self.rest.call("GET", "/health/live", headers={"X-Request-Id": mark})
        deadline = time.monotonic() + 30
        while mark not in self.log("api"):
            assert time.monotonic() < deadline, "the line of a request does not come"
            time.sleep(0.01)

    def leaks(self):
        """Secrets that stand in a log, or the better part of one: passwords, tokens, keys."""
        secrets = set(rest.SECRETS)
        secrets |= {p.read_text().strip() for p in (self.home / "secrets").iterdir()}
        for path in (self.home / "keys").rglob("*.key"):
            key = path.read_bytes()
            secrets |= {key.hex(), base64.b64encode(key).decode().rstrip("=")}
        # Twelve characters near the end of each: of a token, that is in its signature.
        marks = {s[-16:-4]: s for s in secrets}
        found = []
        for path in (self.home / "log").iterdir():
            for line in set(path.read_text(errors="replace").splitlines()):
                pieces = {line[i : i + 12] for i in range(len(line) - 11)}
                found += [f"{path.name}: {marks[p]}: {line}" for p in pieces & marks.keys()]
        return found

    def reports(self):
        """What sanitizers have found, as text."""
        files = [p for p in (self.home / "log").glob("*san*") if p.suffix != ".log"]
        texts = [(p.name, p.read_text(errors="replace")) for p in files]
        found = [f"{name}:\n{text}" for name, text in texts if not leak_check_broke(text)]
        for part in PARTS:
            lines = self.log(part).splitlines()
            hits = [i for i, line in enumerate(lines) if REPORT.search(line)]
            if hits:
                found.append("\n".join(lines[hits[0] : hits[0] + 60]))
        return "\n".join(found)

    # --- its database ---

    @property
    def database(self):
        """The database as a superuser of the tests' own, made through `hum psql`."""
        if self._owner is None:
            password = secrets.token_hex(16)
            sql = f"create role hum_test superuser login password '{password}'"
            done = self.run("psql", "-v", "ON_ERROR_STOP=1", "-q", "-c", sql)
            assert done.returncode == 0, done.stderr
            self._owner = Database(self.home / "run", "hum", "hum_test", password)
        return self._owner

    def daemon_database(self, part, name="hum"):
        """The database as a daemon ("api" or "broker") sees it."""
        password = (self.home / "secrets" / f"{part}.password").read_text().strip()
        return Database(self.home / "run", name, f"hum_{part}", password)

    # --- other systems ---

    def service_token(self, name):
        """A new token for another system, from the operator's tool."""
        done = self.run("service-token", name)
        assert done.returncode == 0, done.stderr
        token = done.stdout.strip()
        rest.SECRETS.add(token)
        return token

    # --- people ---

    def sign_up(self, **kw):
        """A new person; nickname, email, password and device may be given."""
        return rest.sign_up(self.http_url, self.http, **kw)

    def befriend(self, a, b):
        rest.befriend(a, b)

    def open_dm(self, a, b):
        """Opens the DM of two friends; returns its id."""
        return rest.open_dm(a, b)

    def pair(self):
        """Two new friends and the id of their DM."""
        a, b = self.sign_up(), self.sign_up()
        self.befriend(a, b)
        return a, b, self.open_dm(a, b)
