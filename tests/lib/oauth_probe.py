"""Hum's side of OAuth without its routes: tests/probe/oauth-probe.c, asked by lines."""

import itertools
import json
import os
import queue
import re
import subprocess
import threading

from lib.instance import ROOT, build_dir

REPORT = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:")


def write_file(path, providers):
    """The file that HUM_OAUTH_FILE names."""
    path.write_text(json.dumps({"providers": providers}))
    path.chmod(0o600)
    return path


def command(path, private):
    return [build_dir() / "tests" / "probe" / "oauth-probe", path, "on" if private else "off"]


def environment():
    return {**os.environ, "ASAN_OPTIONS": "detect_leaks=1",
            "LSAN_OPTIONS": f"suppressions={ROOT / 'tests' / 'lsan.supp'}:print_suppressions=0"}


def refused(path, private=True):
    """What it says of a file that it does not take."""
    done = subprocess.run(command(path, private), env=environment(), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 1, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


class Probe:
    """Calls run side by side; answers are awaited by their tag, what is reported to the operator is kept."""

    def __init__(self, path, private=True):
        self.process = subprocess.Popen(command(path, private), env=environment(), text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.tags = itertools.count(1)
        self.answers = {}
        self.changed = threading.Condition()
        self.reports = queue.Queue()
        self.errors = ""
        self.readers = [threading.Thread(target=t, daemon=True) for t in (self._read, self._read_errors)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            if "report" in answer:
                self.reports.put(answer["report"])
                continue
            with self.changed:
                self.answers[answer.pop("tag")] = answer
                self.changed.notify_all()

    def _read_errors(self):
        self.errors = self.process.stderr.read()

    def start(self, call, provider, **arguments):
        tag = next(self.tags)
        line = {"tag": tag, "call": call, "provider": provider, **arguments}
        self.process.stdin.write(json.dumps({k: v for k, v in line.items() if v is not None}) + "\n")
        self.process.stdin.flush()
        return tag

    def result(self, tag, timeout=120):
        with self.changed:
            assert self.changed.wait_for(lambda: tag in self.answers, timeout), "no answer"
            return self.answers.pop(tag)

    def call(self, call, provider, **arguments):
        return self.result(self.start(call, provider, **arguments))

    def reported(self):
        """What the operator has been told since it was last asked for. It comes before the answer does."""
        found = []
        while not self.reports.empty():
            found.append(self.reports.get())
        return found

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0, self.errors
        for reader in self.readers:
            reader.join()
        assert not REPORT.search(self.errors), self.errors

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.process.kill()
            self.process.wait()
