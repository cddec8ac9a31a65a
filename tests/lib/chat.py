"""People with hum-chat: for scripts (--plain), and in front of a terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import pyte

from lib.instance import REPORT, build_dir, environment
from lib.rest import SECRETS, unique

PROGRAM = build_dir() / "clients-sample" / "mobile" / "hum-chat"
WAIT_S = 90


def _environment(home):
    reports = home / "san"
    return {**environment(), "HOME": str(home), "LANG": "C.UTF-8", "TERM": "xterm-256color",
            "ASAN_OPTIONS": f"log_path={reports}:detect_leaks=1", "UBSAN_OPTIONS": f"log_path={reports}:print_stacktrace=1"}


def reports(home):
    """What sanitizers have found."""
    texts = [path.read_text(errors="replace") for path in home.glob("san.*")]
    return [text for text in texts if REPORT.search(text)]


class Chat:
    """hum-chat --plain: lines in, lines out. Every line that came stays in `lines`."""

    def __init__(self, url, home, name, *options):
        self.url, self.home, self.name, self.options = url, home, name, options
        self.store = home / f"{name}.db"
        self.lines = []
        self.process = None
        self.room = None

    @property
    def command(self):
        return [PROGRAM, "--plain", "--url", self.url, "--store", self.store, "--device", self.name, *self.options]

    def start(self):
        self.lines = []
        self.came = threading.Condition()
        self.ended = False
        self.errors = open(self.home / f"{self.name}.err", "ab")
        self.process = subprocess.Popen(self.command, env=_environment(self.home), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors)
        self.reader = threading.Thread(target=self._read, args=[self.process.stdout], daemon=True)
        self.reader.start()
        self.wait("ready ")
        return self

    def _read(self, pipe):
        for line in pipe:
            with self.came:
                self.lines.append(line.decode().rstrip("\n"))
                self.came.notify_all()
        with self.came:
            self.ended = True
            self.came.notify_all()

    def type(self, line):
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def mark(self):
        """From here on: for the `since` of wait."""
        with self.came:
            return len(self.lines)

    def wait(self, pattern, since=0, count=1):
        """Waits for a line that begins so (a pattern), count times; returns the last one's match."""
        seen = re.compile(pattern)
        deadline = time.monotonic() + WAIT_S
        with self.came:
            while True:
                found = [m for line in self.lines[since:] if (m := seen.match(line))]
                if len(found) >= count:
                    return found[count - 1]
                tail = "\n".join(self.lines[-40:])
                assert not self.ended, f"{self.name} has ended before {pattern!r}:\n{tail}{self.complaints()}"
                assert time.monotonic() < deadline, f"{self.name}: no {pattern!r} in:\n{tail}"
                self.came.wait(1)

    def ask(self, line, pattern):
        """Types a line, and waits for what must come of it."""
        since = self.mark()
        self.type(line)
        return self.wait(pattern, since)

    def complaints(self):
        return (self.home / f"{self.name}.err").read_text(errors="replace")[-3000:]

    # --- what people do ---

    def sign_up(self, nickname=None):
        """A new person; their nickname."""
        self.nickname = nickname or unique()
        self.email, self.password = f"{self.nickname}@example.org", f"pass {unique()}"
        SECRETS.add(self.password)
        self.type(f"/signup {self.email} {self.nickname}")
        self.ask(self.password, "signed-in ")
        self.wait("line up")
        return self.nickname

    def sign_in(self, email, password):
        self.email, self.password = email, password
        self.type(f"/login {email}")
        self.ask(password, "signed-in ")
        self.wait("line up")
        return self

    def open(self, room):
        self.ask(f"/open {room}", "opened ")

    def say(self, text):
        """Returns the nonce."""
        return self.ask(text, r"pending \d+ (\S+) ")[1]

    def sent(self, nonce):
        """Its number in the room."""
        return int(self.wait(rf"mine \d+ (\d+) {re.escape(nonce)} ")[1])

    def hears(self, text, since=0):
        return int(self.wait(rf"from \d+ (\d+) \S+ {re.escape(text)}$", since)[1])

    def matches(self, pattern, since=0):
        with self.came:
            return [m for line in self.lines[since:] if (m := re.match(pattern, line))]

    def texts(self):
        """What has come of the rooms: (room, seq, text), each as often as it was told."""
        said = self.matches(r"(?:mine|from) (\d+) (\d+) \S+ (.*)")
        return [(int(m[1]), int(m[2]), m[3]) for m in said]

    def run_beside(self, text=""):
        """Runs it once more with the same store, by a pipe; the finished process."""
        return subprocess.run(self.command, env=_environment(self.home), input=text, capture_output=True, text=True,
                              timeout=WAIT_S)

    # --- ends ---

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self._gone()

    def finish(self):
        """The end of its input: what waits is sent first. Returns the exit code."""
        self.process.stdin.close()
        return self._gone()

    def quit(self):
        if self.process is None or self.process.poll() is not None:
            return 0
        self.type("/quit")
        return self._gone()

    def _gone(self):
        try:
            code = self.process.wait(timeout=WAIT_S)
        finally:
            self.process.kill()
        self.reader.join()
        self.process.stdout.close()
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        self.errors.close()
        return code


class Terminal:
    """hum-chat in front of a terminal: keys in, a screen as one sees it."""

    def __init__(self, url, home, name, columns=100, rows=30):
        self.home, self.name = home, name
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        command = [str(PROGRAM), "--url", url, "--store", str(home / f"{name}.db"), "--device", name]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(command[0], command, _environment(home))

    def _pump(self, seconds):
        """Reads what comes within a while. False: it has ended."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += data
        self.stream.feed(data)
        return bool(data)

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def see(self, pattern):
        """Waits until the screen shows something (a pattern); the match."""
        deadline = time.monotonic() + WAIT_S
        while not (found := re.search(pattern, self.text(), re.M)):
            assert time.monotonic() < deadline, f"{self.name}: no {pattern!r} in:\n{self.text()}"
            assert self._pump(0.5), f"{self.name} has ended before {pattern!r}:\n{self.text()}"
        return found

    def until(self, condition):
        """Waits until what the screen shows, as text, is so."""
        deadline = time.monotonic() + WAIT_S
        while not condition(self.text()):
            assert time.monotonic() < deadline, f"{self.name} shows:\n{self.text()}"
            assert self._pump(0.5), f"{self.name} has ended:\n{self.text()}"

    def keys(self, keys):
        os.write(self.fd, keys.encode() if isinstance(keys, str) else keys)

    def line(self, text):
        self.keys(f"{text}\r")

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def echoes(self):
        """Whether the terminal itself would show what is typed."""
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def end(self):
        """Waits until it has ended; the exit code."""
        deadline = time.monotonic() + WAIT_S
        while self._pump(0.5):
            assert time.monotonic() < deadline, f"{self.name} does not end:\n{self.text()}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.fd)
