"""What runs on this machine, from /proc."""

import os
import pathlib


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def command_lines():
    """The command lines of all processes, as text."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdecimal():
            found[int(folder.name)] = _read(folder / "cmdline").replace(b"\0", b" ").decode(errors="replace")
    return found


def of_home(home):
    """The processes that belong to an instance: by a path in their command line, or the folder that
    they run in. By pid, without ourselves."""
    found = {}
    for pid, line in command_lines().items():
        try:
            folder = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            folder = ""
        if (str(home) in line or folder.startswith(str(home))) and pid != os.getpid():
            found[pid] = line
    return found


def uids(pid):
    """Real, effective, saved and file system user."""
    for line in _read(pathlib.Path(f"/proc/{pid}/status")).decode().splitlines():
        if line.startswith("Uid:"):
            return [int(u) for u in line.split()[1:]]
    return []
