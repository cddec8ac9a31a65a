"""The two brokers that are compared: a Hum of its own and raw Mosquitto, both temporary."""

import os
import shutil
import socket
import subprocess
import time

START_S = 10


class BenchError(Exception):
    """Says in one line what went wrong."""


def _free_ports(count):
    # All open at once, so that they differ.
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _tail(path, lines=10):
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


class Hum:
    """A release build with an embedded PostgreSQL, started and stopped as people do."""

    mode = "hum"

    def __init__(self, checkout, folder):
        self._checkout = checkout
        self._home = folder / "hum"
        self.credentials = {}
        http, self.port, web = _free_ports(3)
        self.url = f"http://127.0.0.1:{http}"
        # None of the caller's settings: never somebody else's database.
        own = {"HUM_HOME": self._home, "HUM_PRESET": "release", "HUM_BIND": "127.0.0.1",
               "HUM_HTTP_PORT": http, "HUM_MQTT_PORT": self.port, "HUM_WS_PORT": web,
               "HUM_LIMITS": "off"}
        self._environment = {key: value for key, value in os.environ.items()
                             if not key.startswith("HUM_")}
        self._environment |= {key: str(value) for key, value in own.items()}

    def _hum(self, *words):
        done = subprocess.run([self._checkout / "hum", *words], env=self._environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise BenchError(f"./hum {' '.join(words)} failed: {done.stdout.strip()}")

    def __enter__(self):
        self._hum("up", "-d")
        return self

    def __exit__(self, *_):
        self._hum("down")

    def pids(self):
        files = [*(self._home / "run").glob("*.pid"), self._home / "postgres/postmaster.pid"]
        return {int(file.read_text().split()[0]) for file in files if file.exists()}

    def log_tail(self):
        return _tail(self._home / "log/mosquitto.log")


class Raw:
    """Mosquitto in memory for anybody, with the same bounds and socket options as Hum's."""

    mode = "raw"

    # Directives of Hum's mosquitto.conf that raw Mosquitto has its own of, or none.
    _OWN = {"allow_anonymous", "allow_zero_length_clientid", "protocol", "max_connections",
            "max_topic_alias", "log_type", "log_timestamp_format"}

    def __init__(self, checkout, folder):
        self._template = checkout / "mosquitto.conf"
        self._config = folder / "raw.conf"
        self._log = folder / "raw.log"
        self._process = None
        self.credentials = {}
        [self.port] = _free_ports(1)

    def _is_shared(self, line):
        # What holds a placeholder belongs to one instance.
        words = line.split()
        return bool(words) and not line.startswith(("#", "plugin")) and "@" not in line \
            and words[0] not in self._OWN

    def _write_config(self):
        shared = [line for line in self._template.read_text().splitlines() if self._is_shared(line)]
        own = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "log_dest stderr",
               "log_type error", "log_type warning"]
        self._config.write_text("\n".join(shared + own) + "\n")

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self):
        self._write_config()
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
        if program is None:
            raise BenchError("Mosquitto is not installed")
        with self._log.open("w") as log:
            self._process = subprocess.Popen([program, "-c", self._config], stderr=log, stdout=log)
        deadline = time.monotonic() + START_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise BenchError(f"raw Mosquitto does not start: {self.log_tail()}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(timeout=START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def pids(self):
        return {self._process.pid}

    def log_tail(self):
        return _tail(self._log)
