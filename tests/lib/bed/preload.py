"""A library put before the C library in one daemon, that fails on demand, told by files in its folder:
"full" makes fallocate fail with ENOSPC; "fdatasync" and "fsync" make the next call of that name fail
with EIO and are removed by it; "listen" makes the next call of that name be followed by a SIGHUP; "clock" holds the seconds by which the clock is wrong."""

import contextlib
import os
import struct
import subprocess

from lib.instance import PRESET

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
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

static int sync_with(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

    if (wished(name, 1)) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fdatasync(int fd) { return sync_with("fdatasync", fd); }

int fsync(int fd) { return sync_with("fsync", fd); }

int listen(int fd, int backlog) {
    int (*real)(int, int) = dlsym(RTLD_NEXT, "listen");
    int rc = real(fd, backlog);

    if (wished("listen", 1)) {
        raise(SIGHUP);
    }
    return rc;
}

static const volatile long *wrong_by;

__attribute__((constructor)) static void map_clock(void) {
    char path[4096];
    const char *folder = getenv("FAULT_FOLDER");

    snprintf(path, sizeof path, "%s/clock", folder ? folder : "/nonexistent");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        void *at = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, fd, 0);

        wrong_by = at == MAP_FAILED ? NULL : at;
        close(fd);
    }
}

static long offset(void) { return wrong_by ? *wrong_by : 0; }

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);

    if (!real) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    int rc = real(clock, now);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += offset();
    }
    return rc;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *ret) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (ret) {
        *ret = now.tv_sec;
    }
    return now.tv_sec;
}
"""


class Preload:
    """For one daemon; folder: where the wishes stand, which the daemon's user may write to."""

    def __init__(self, daemon, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder, daemon.owner.st_uid, daemon.owner.st_gid)
        self.step(0)
        library = folder / "fail.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", library, "-ldl"], input=SOURCE,
                       text=True, check=True)
        library.chmod(0o755)
        first = "" if daemon.part == "postgres" else daemon.env.get("LD_PRELOAD") or self._runtime()
        self.env = {"LD_PRELOAD": f"{first} {library}".strip(), "FAULT_FOLDER": str(folder)}

    @staticmethod
    def _runtime():
        """A sanitizer's must come first, also in a program that is linked with it."""
        if PRESET == "release":
            return ""
        name = f"-print-file-name=lib{PRESET}.so"
        return subprocess.run(["gcc", name], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def wish(self, what):
        (self.folder / what).touch()

    def step(self, seconds):
        """Steps the daemon's clock to so much before or behind the right time."""
        with open(self.folder / "clock", "r+b" if (self.folder / "clock").exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))

    def granted(self, what):
        return not (self.folder / what).exists()

    @contextlib.contextmanager
    def full(self):
        self.wish("full")
        try:
            yield
        finally:
            (self.folder / "full").unlink()
