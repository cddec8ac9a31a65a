"""CPU time of processes by what they do: threads by name, PostgreSQL's processes by their title."""

import os
import pathlib
import resource
import time

TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
# The share of all cores that other programs may take before figures are not to be trusted.
QUIET = 0.05


def _read(path):
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it ended in between


def _ticks(stat, first=11):
    # utime and stime (11), or those of children that have ended (13), after the name in brackets,
    # which may hold anything.
    fields = stat.rpartition(")")[2].split()
    return int(fields[first]) + int(fields[first + 1]) if fields else 0


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


def _ended(pid, tasks):
    """What the threads and children spent that are no more: a connection's, as a rule."""
    stat = _read(pathlib.Path(f"/proc/{pid}/stat"))
    name = stat.partition("(")[2].rpartition(")")[0]
    threads = _ticks(stat) - sum(ticks for _, ticks in tasks.values())
    return {(pid, "threads"): (f"{name} (ended threads)", max(0, threads)),
            (pid, "children"): (f"{name} (ended connections)", _ticks(stat, 13) if stat else 0)}


def _sample(pids):
    """What each thread has spent so far, and what those that have ended have, by key; and for each
    key the one that its time counts under once it has ended."""
    times, heirs = {}, {}
    queue = [(pid, None) for pid in pids]
    while queue:
        pid, parent = queue.pop()
        queue += [(child, pid) for child in _children(pid)]
        tasks = {(pid, task.name): (_thread_name(pid, task), _ticks(_read(task / "stat")))
                 for task in pathlib.Path(f"/proc/{pid}/task").glob("*")}
        times |= tasks | _ended(pid, tasks)
        heirs |= dict.fromkeys(tasks, (pid, "threads"))
        heirs |= dict.fromkeys([(pid, "threads"), (pid, "children")], (parent, "children"))
    return times, heirs


def _spent(before, pids):
    """A name and the ticks since `before` for each key."""
    times, heirs = before
    now, _ = _sample(pids)
    spent = {key: ticks - times.get(key, (name, 0))[1] for key, (name, ticks) in now.items()}
    for key in times.keys() - now.keys():
        # What it had spent before is in its heir's, too.
        heir = heirs[key]
        while heir not in now and heir in heirs:
            heir = heirs[heir]
        if heir in now:
            spent[heir] -= times[key][1]
    return [(now[key][0], max(0, ticks)) for key, ticks in spent.items()]


def _machine_ticks():
    # user, nice, system, (idle, iowait,) irq, softirq, steal of all cores; guests are within user.
    words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    return sum(int(words[i]) for i in (0, 1, 2, 5, 6, 7))


def children_s():
    """CPU time of the children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


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
        own = sum(ticks for _, ticks in _spent(self._before, self._pids))
        machine = _machine_ticks() - self._machine_before
        cores = os.cpu_count() * (time.monotonic() - self._began)
        return round(max(0, (machine - own) * TICK_US / 1e6 - load_s) / cores, 3)

    def per_message(self, result, generator="hum-load"):
        """Microseconds for each message of the generator's `result`, by name, itself among them."""
        spent = {generator: result["generator_cpu_s"] * 1e6 / result["messages"]}
        for name, ticks in _spent(self._before, self._pids):
            share = ticks * TICK_US / result["messages_whole_run"]
            spent[name] = spent.get(name, 0) + share
        return {name: round(value, 2) for name, value in spent.items()}
