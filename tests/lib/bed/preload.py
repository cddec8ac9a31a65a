"""A library put before the C library in one daemon, that makes the disk fail on demand: a file named
"full" in its folder makes fallocate fail with ENOSPC, one named "sync" makes the next fdatasync fail
with EIO and is removed by that."""

import contextlib
import os
import subprocess

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int wished(const char *what, int once) {
    char path[4096];
    const char *folder = getenv("FAULT_FOLDER");

    snprintf(path, sizeof path, "%s/%s", folder ? folder : "/nonexistent", what);
    return once ? unlink(path) == 0 : access(path, F_OK) == 0;
}

int fallocate(int fd, int mode, off_t offset, off_t len) {
    int (*real)(int, int, off_t, off_t) = dlsym(RTLD_NEXT, "fallocate");

    if (wished("full", 0)) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, mode, offset, len);
}

int fallocate64(int fd, int mode, off_t offset, off_t len) { return fallocate(fd, mode, offset, len); }

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");

    if (wished("sync", 1)) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}
"""


class FailingDisk:
    """For one daemon; folder: where the wishes stand, which the daemon's user may write to."""

    def __init__(self, daemon, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder, daemon.owner.st_uid, daemon.owner.st_gid)
        library = folder / "fail.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", library, "-ldl"], input=SOURCE,
                       text=True, check=True)
        library.chmod(0o755)
        before = daemon.env.get("LD_PRELOAD", "")  # a sanitizer's runtime goes first
        self.env = {"LD_PRELOAD": f"{before} {library}".strip(), "FAULT_FOLDER": str(folder)}

    def wish(self, what):
        (self.folder / what).touch()

    def granted(self, what):
        return not (self.folder / what).exists()

    @contextlib.contextmanager
    def full(self):
        self.wish("full")
        try:
            yield
        finally:
            (self.folder / "full").unlink()
