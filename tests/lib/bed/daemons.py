"""The daemons of an instance, one by one: killed, frozen, started again as `./hum up` started them."""

import contextlib
import os
import pathlib
import resource
import signal
import subprocess

import psycopg2

from lib.bed import journal
from lib.instance import alive
from lib.mqtt import eventually

START_S = 120


def kill_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def birth(pid):
    """When a process began, by which it is told from another that gets its number later; None for one that is gone,
    or a zombie, which holds nothing any more."""
    try:
        words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return words[19] if words[0] not in "ZX" else None


class Daemon:
    """Started by `./hum up`; from then on here. ./hum goes on knowing it by its file in run/."""

    def __init__(self, instance, part):
        self.instance, self.part = instance, part
        self.process = None  # the one that was started here
        pid = instance.pid(part)
        proc = pathlib.Path(f"/proc/{pid}")
        self.argv = [a.decode() for a in (proc / "cmdline").read_bytes().split(b"\0")[:-1]]
        pairs = [e.decode().split("=", 1) for e in (proc / "environ").read_bytes().split(b"\0") if e]
        self.env = dict(pairs)
        self.owner = proc.stat()
        self.files = self._open_files()
        if part == "postgres":  # its title is its own; what it was started with is in a file
            self.argv = self._postgres_argv()

    def _open_files(self):
        """The limits, soft and hard."""
        text = pathlib.Path(f"/proc/{self.pid}/limits").read_text()
        (line,) = [x for x in text.splitlines() if x.startswith("Max open files")]
        return tuple(int(word) for word in line.split()[3:5])

    def _postgres_argv(self):
        text = (self.instance.home / "postgres" / "postmaster.opts").read_text()
        return [word.strip('"') for word in text.split()]

    @property
    def pid(self):
        return self.instance.pid(self.part)

    @property
    def alive(self):
        if self.process:
            self.process.poll()
        return alive(self.pid)

    def tell(self, number):
        os.kill(self.pid, number)

    @contextlib.contextmanager
    def few_descriptors(self, spare):
        """Leaves it so many descriptors more than it has open. As its own user, who may lower the limit and
        raise it again."""
        # The limit is on numbers, and those in use are not without gaps.
        highest = max(int(fd) for fd in os.listdir(f"/proc/{self.pid}/fd"))
        before = self._open_files()  # it may have raised its own
        self._limit_files(highest + 1 + spare, before[1])
        try:
            yield
        finally:
            self._limit_files(*before)

    def raise_descriptors(self):
        """Ends a shortage that few_descriptors has begun, within it."""
        hard = self._open_files()[1]
        self._limit_files(hard, hard)

    def _limit_files(self, soft, hard):
        command = ["prlimit", f"--pid={self.pid}", f"--nofile={soft}:{hard}"]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={self.owner.st_uid}", f"--regid={self.owner.st_gid}", "--clear-groups",
                       *command]
        subprocess.run(command, check=True)

    def kill(self):
        """kill -9, and waits until it is gone."""
        self.stop(signal.SIGKILL)

    def stop(self, number=signal.SIGTERM, timeout=START_S):
        if self.alive:
            self.tell(number)
            eventually(lambda: not self.alive, timeout)
        if self.process:  # it may have become a zombie since it was last asked after
            self.process.wait(timeout)

    def spawn(self, argv=None, env=None, log=None):
        """Starts the program, or a variant of it that is not recorded; the process."""
        path = log or self.instance.home / "log" / f"{self.part}.log"
        kept = {}
        if os.geteuid() == 0:
            kept = {"user": self.owner.st_uid, "group": self.owner.st_gid, "extra_groups": []}
        with open(path, "ab") as out:
            if os.geteuid() == 0:
                os.fchown(out.fileno(), self.owner.st_uid, self.owner.st_gid)
            return subprocess.Popen(
                argv or self.argv, env={**self.env, **(env or {})}, cwd="/", stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, umask=0o077, start_new_session=True,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, self.files), **kept)

    def start(self, env=None):
        """Starts it and writes its pid where ./hum looks. Does not wait until it is ready."""
        assert not self.alive, f"{self.part} runs"
        self.process = self.spawn(env=env)
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        started = stat.rsplit(")", 1)[1].split()[19]
        path = self.instance.home / "run" / f"{self.part}.pid"
        path.write_text(f"{self.process.pid} {started}\n")


class Broker(Daemon):
    """Its configuration may be changed from one start to the next."""

    def __init__(self, instance):
        super().__init__(instance, "mosquitto")
        self._lighten()
        self.conf = pathlib.Path(self.argv[self.argv.index("-c") + 1])
        self.usual = self.conf.read_text()
        self.journal = instance.home / "journal"

    def _lighten(self):
        """From the next start on: a sanitizer that walks the stack at every allocation of a program without frame
        pointers takes most of a busy broker's time. Without that it cannot tell who asked Mosquitto's own allocator,
        whose leaks are looked for in the instances that are not made to suffer, where the stacks are whole."""
        options = self.env.get("ASAN_OPTIONS", "")
        if "fast_unwind_on_malloc=0" not in options:
            return
        known = self.instance.home / "app" / "lsan.supp"
        more = known.with_name("lsan-mosquitto.supp")
        more.write_text(f"{known.read_text()}\nleak:mosquitto__calloc\n")
        more.chmod(0o644)
        self.env["ASAN_OPTIONS"] = options.replace("fast_unwind_on_malloc=0", "fast_unwind_on_malloc=1")
        self.env["LSAN_OPTIONS"] = self.env["LSAN_OPTIONS"].replace(str(known), str(more))

    def configure(self, **options):
        """Sets options of the plugin for the next start; none: as they were."""
        self.conf.write_text(self.variant(**options))

    def variant(self, **options):
        lines = []
        for line in self.usual.splitlines():
            name = line.split(" ")[0].removeprefix("plugin_opt_")
            lines.append(f"plugin_opt_{name} {options[name]}" if name in options else line)
        return "\n".join(lines) + "\n"

    def start(self, env=None, wait=True):
        super().start(env)
        if wait:
            eventually(self.accepts, START_S)

    @property
    def doomed_env(self):
        """For a start that is to fail: Mosquitto then ends without freeing its configuration."""
        options = self.env.get("ASAN_OPTIONS", "").replace("detect_leaks=1", "detect_leaks=0")
        return {"ASAN_OPTIONS": options} if options else {}

    def restart(self, env=None, **options):
        self.stop()
        self.configure(**options)
        self.start(env)

    def accepts(self):
        import socket

        assert self.alive, f"the broker does not start:\n{self.instance.log('mosquitto')[-2000:]}"
        with contextlib.suppress(OSError), socket.create_connection(
                (self.instance.host, self.instance.mqtt_port), timeout=1):
            return True
        return False

    # --- what it says of itself ---

    def numbers(self):
        """The numbers of its metrics port, without histograms."""
        text = self.instance.http.get(
            f"http://127.0.0.1:{self.instance.metrics_port}/metrics", timeout=60).text
        rows = [line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#"]
        return {name: int(value) for name, value in rows}

    def vitals(self):
        """Open descriptors, resident KiB, threads."""
        proc = pathlib.Path(f"/proc/{self.pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line)
        return {"fds": len(os.listdir(proc / "fd")), "rss": int(status["VmRSS"].split()[0]),
                "threads": int(status["Threads"])}

    @contextlib.contextmanager
    def log_after(self):
        """What it logs within; the value is a function that gives the text so far."""
        start = len(self.instance.log("mosquitto"))
        yield lambda: self.instance.log("mosquitto")[start:]


class Api(Daemon):
    def __init__(self, instance):
        super().__init__(instance, "api")

    def start(self, env=None, wait=True):
        super().start(env)
        if wait:
            eventually(self.ready, START_S)

    def ready(self):
        import requests

        with contextlib.suppress(requests.RequestException):
            return self.instance.http.get(f"{self.instance.http_url}/health/ready", timeout=3).ok
        return False


class Postgres(Daemon):
    def __init__(self, instance):
        super().__init__(instance, "postgres")
        self.frozen = []

    def processes(self):
        """The postmaster and all its children."""
        pid = self.pid
        found = [pid]
        for path in pathlib.Path("/proc").iterdir():
            if path.name.isdecimal():
                with contextlib.suppress(OSError):
                    stat = (path / "stat").read_text().rsplit(")", 1)[1].split()
                    if int(stat[1]) == pid:
                        found.append(int(path.name))
        return found

    def ready(self):
        try:
            self.instance.database.value("select 1")
            return True
        except psycopg2.OperationalError:
            return False

    def kill(self):
        """The postmaster alone; its children notice by themselves."""
        postmaster = self.pid
        before = {pid: birth(pid) for pid in self.processes()}
        super().kill()
        # Not even as a zombie: a lock file that names one counts as held.
        eventually(lambda: not os.path.exists(f"/proc/{postmaster}"), START_S)
        eventually(lambda: not any(began and birth(pid) == began for pid, began in before.items()), START_S)

    def stop(self, number=signal.SIGINT, timeout=START_S):
        """Fast: sessions are broken off."""
        super().stop(number, timeout)

    def start(self, env=None, wait=True):
        super().start(env)
        if wait:
            eventually(self.ready, START_S)

    def freeze(self):
        # The postmaster first: it makes no new ones then.
        self.frozen = [self.pid]
        kill_all(self.frozen, signal.SIGSTOP)
        self.frozen = self.processes()
        kill_all(self.frozen, signal.SIGSTOP)

    def thaw(self):
        kill_all(reversed(self.frozen), signal.SIGCONT)
        self.frozen = []

    # --- past the daemons' backs ---

    def _aside(self, sql, *values):
        return self.instance.database.on("postgres").rows(sql, *values)

    def refuse(self):
        """No new connection to Hum's database, and those there are broken off."""
        self._aside("alter database hum allow_connections false")
        self.terminate()

    def allow(self):
        self._aside("alter database hum allow_connections true")

    def backends(self, application=""):
        rows = self._aside("select pid from pg_stat_activity where datname = 'hum' and application_name like %s",
                           f"{application}%")
        return {pid for (pid,) in rows}

    def terminate(self, application=""):
        pids = self.backends(application)
        for pid in pids:
            self._aside("select pg_terminate_backend(%s)", pid)
        return pids


class Site:
    """An instance with handles on its daemons, all of which can be brought back."""

    def __init__(self, instance):
        self.instance = instance
        instance.up()
        instance.database  # while all is well
        self.broker, self.api, self.postgres = Broker(instance), Api(instance), Postgres(instance)
        if self.broker.env.get("ASAN_OPTIONS"):  # it is lighter from now on
            self.broker.restart()
        self.known_reports = ""

    def heal(self):
        """Whatever a test has left: everything runs, with its usual settings."""
        self.postgres.thaw()
        if not self.postgres.alive:
            self.postgres.start()
        self.postgres.allow()
        if not self.broker.alive:
            self.broker.configure()
            self.broker.start()
        elif self.broker.conf.read_text() != self.broker.usual:
            self.broker.restart()
        if not self.api.alive:
            self.api.start()
        eventually(self.api.ready)

    def settle(self, seconds=180):
        """Until nothing waits in the journal."""
        eventually(lambda: journal.empty(self.broker.journal), seconds)
