"""What is compared: a Hum of its own and raw Mosquitto, both temporary, both on loopback."""

import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time

START_S = 60


class BenchError(Exception):
    """Says in one line what went wrong."""


class Side:
    """One of the things that a row compares, when it is no broker."""

    def __init__(self, name, measure):
        self.name, self.measure = name, measure


def tell(row, text):
    print(f"{row}: {text}", file=sys.stderr, flush=True)


def free_ports(count):
    # Below those that the system gives to outgoing connections, and that the tests take. All open at once, so that
    # they differ.
    sockets = []
    while len(sockets) < count:
        each = socket.socket()
        try:
            each.bind(("127.0.0.1", random.randrange(16000, 20000)))
        except OSError:
            each.close()
            continue
        sockets.append(each)
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _tail(path, lines=10):
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise BenchError(f"process {pid} has ended")


class _Broker:
    """What a row may ask of either. `mode` is hum-load's; `name` tells them apart in results."""

    def __enter__(self):
        self.start()
        # As it is with nobody there, and nobody known.
        self.idle_kib = self.resident_kib()
        return self

    def __exit__(self, *_):
        self.stop()

    def restart(self):
        self.stop()
        self.start()

    def resident_kib(self):
        return _resident_kib(self.broker_pid())


class Hum(_Broker):
    """A release build with an embedded PostgreSQL, started and stopped as people do."""

    mode = "hum"

    def __init__(self, checkout, folder, name="hum", **settings):
        self.name = name
        self._checkout = checkout
        self.home = folder / name
        self.credentials = {}
        http, self.port, self.web_port, metrics = free_ports(4)
        self.http_port = http
        self.url = f"http://127.0.0.1:{http}"
        # None of the caller's settings: never somebody else's database.
        own = {"HUM_HOME": self.home, "HUM_PRESET": "release", "HUM_BIND": "127.0.0.1",
               "HUM_HTTP_PORT": http, "HUM_MQTT_PORT": self.port, "HUM_WS_PORT": self.web_port,
               "HUM_METRICS_PORT": metrics, "HUM_LIMITS": "off", **settings}
        self._environment = {key: value for key, value in os.environ.items()
                             if not key.startswith("HUM_")}
        self._environment |= {key: str(value) for key, value in own.items()}

    def _hum(self, *words, text=""):
        done = subprocess.run([self._checkout / "hum", *words], env=self._environment, text=True,
                              input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise BenchError(f"./hum {' '.join(words)} failed: {done.stdout.strip()}")
        return done.stdout

    def start(self):
        self._hum("up", "-d")

    def stop(self):
        self._hum("down")

    def sql(self, text):
        """Runs statements as the owner of the database; what they print, a row a line."""
        return self._hum("psql", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-f", "-", text=text)

    def pids(self):
        files = [*(self.home / "run").glob("*.pid"), self.home / "postgres/postmaster.pid"]
        return {int(file.read_text().split()[0]) for file in files if file.exists()}

    def broker_pid(self):
        return int((self.home / "run/mosquitto.pid").read_text().split()[0])

    def database_connections(self):
        """Those of clients, by the titles of PostgreSQL's processes: no connection is needed."""
        postmaster = (self.home / "postgres/postmaster.pid").read_text().split()[0]
        children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
        return sum(1 for pid in children.split() if "[local]" in _title(pid))

    def mqtt_key(self):
        """Id and secret of the key that signs tokens for MQTT."""
        path = max((self.home / "keys/mqtt").glob("*.key"))
        return path.stem, path.read_bytes()

    def log_tail(self):
        return _tail(self.home / "log/mosquitto.log")


def _title(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it ended in between


class Raw(_Broker):
    """Mosquitto in memory for anybody, with the same bounds and socket options as Hum's."""

    mode = name = "raw"

    # Directives of Hum's mosquitto.conf that raw Mosquitto has its own of, or none.
    _OWN = {"allow_anonymous", "allow_zero_length_clientid", "protocol", "max_connections",
            "max_topic_alias", "log_type", "log_timestamp_format"}

    def __init__(self, checkout, folder):
        self._template = checkout / "mosquitto.conf"
        self._ahead = checkout / "deploy/ahead"  # as ./hum starts Hum's
        self._config = folder / "raw.conf"
        self._log = folder / "raw.log"
        self._process = None
        self.credentials = {}
        self.port, self.web_port = free_ports(2)

    def _is_shared(self, line):
        # What holds a placeholder belongs to one instance.
        words = line.split()
        return bool(words) and not line.startswith(("#", "plugin")) and "@" not in line \
            and words[0] not in self._OWN

    def _write_config(self):
        shared = [line for line in self._template.read_text().splitlines() if self._is_shared(line)]
        own = [f"listener {self.port} 127.0.0.1", f"listener {self.web_port} 127.0.0.1",
               "socket_domain ipv4", "protocol websockets", "allow_anonymous true", "log_dest stderr",
               "log_type error", "log_type warning"]
        self._config.write_text("\n".join(shared + own) + "\n")

    def _listens(self):
        for port in (self.port, self.web_port):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return False
        return True

    def start(self):
        self._write_config()
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
        if program is None:
            raise BenchError("Mosquitto is not installed")
        with self._log.open("w") as log:
            self._process = subprocess.Popen([self._ahead, program, "-c", self._config], stderr=log, stdout=log,
                                             start_new_session=True)
        deadline = time.monotonic() + START_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise BenchError(f"raw Mosquitto does not start: {self.log_tail()}")
            time.sleep(0.05)

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(timeout=START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def pids(self):
        return {self._process.pid}

    def broker_pid(self):
        return self._process.pid

    def database_connections(self):
        return 0

    def log_tail(self):
        return _tail(self._log)
