"""CPU time of processes by what they do: threads by name, PostgreSQL's processes by their title."""

import os
import pathlib
import time

TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
# The share of all cores that other programs may take before figures are not to be trusted.
QUIET = 0.05


def _read(path):
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it ended in between


def _ticks(stat):
    # utime and stime, after the name in brackets, which may hold anything.
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]) if fields else 0


def _children(pid):
    lists = (_read(task / "children") for task in pathlib.Path(f"/proc/{pid}/task").glob("*"))
    return [int(child) for words in lists for child in words.split()]


def _thread_name(pid, task):
    name = _read(task / "comm").strip()
    if name == "postgres":
        # "postgres: checkpointer", "postgres: hum_broker hum [local] idle": the first two words.
        title = _read(pathlib.Path(f"/proc/{pid}/cmdline")).replace("\0", " ").split()
        return " ".join(title[:2]) if title and title[0] == "postgres:" else "postgres"
    if task.name == str(pid):
        return name
    return f"{name} (thread)"


def _sample(pids):
    times = {}
    queue = list(pids)
    while queue:
        pid = queue.pop()
        queue += _children(pid)
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
            ticks = _ticks(_read(task / "stat"))
            times[pid, task.name] = (_thread_name(pid, task), ticks)
    return times


def _machine_ticks():
    # user, nice, system, (idle, iowait,) irq, softirq, steal of all cores; guests are within user.
    words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    return sum(int(words[i]) for i in (0, 1, 2, 5, 6, 7))


class Patience:
    """Waits for other programs to leave the cores alone; so many seconds over a whole run."""

    def __init__(self, seconds):
        self._left_s = seconds

    def wait_for_quiet(self, pids):
        """Programs of `pids` do not count."""
        while self._left_s > 0:
            meter = CpuMeter(pids)
            time.sleep(1)
            if meter.elsewhere() <= QUIET:
                return
            self._left_s -= 1


class CpuMeter:
    """Counts from its making on."""

    def __init__(self, pids):
        self._pids = pids
        self._before = _sample(pids)
        self._machine_before = _machine_ticks()
        self._began = time.monotonic()

    def elsewhere(self, load_s=0):
        """The share of all cores that neither the processes nor `load_s` seconds of hum-load
        account for: other programs, and what a hypervisor took."""
        own = sum(ticks - self._before.get(key, (name, 0))[1]
                  for key, (name, ticks) in _sample(self._pids).items())
        machine = _machine_ticks() - self._machine_before
        cores = os.cpu_count() * (time.monotonic() - self._began)
        return round(max(0, (machine - own) * TICK_US / 1e6 - load_s) / cores, 3)

    def per_message(self, result):
        """Microseconds for each message of hum-load's `result`, by name, hum-load among them."""
        spent = {"hum-load": result["generator_cpu_s"] * 1e6 / result["messages"]}
        for key, (name, ticks) in _sample(self._pids).items():
            used = ticks - self._before.get(key, (name, 0))[1]
            share = used * TICK_US / result["messages_whole_run"]
            spent[name] = spent.get(name, 0) + share
        return {name: round(value, 2) for name, value in spent.items()}
