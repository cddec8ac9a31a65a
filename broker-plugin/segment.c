#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_LEN = 32, PAGE = 4096 };

static const char suffix[] = ".seg";

static void name_of(uint64_t start, char name[NAME_MAX_LEN]) {
    snprintf(name, NAME_MAX_LEN, "%016llx%s", (unsigned long long)start, suffix);
}

bool segment_parse_name(const char *name, uint64_t *ret_start) {
    char *end = NULL;

    if (strlen(name) != 16 + sizeof suffix - 1 || strcmp(name + 16, suffix) != 0 ||
        strspn(name, "0123456789abcdef") != 16) {
        return false;
    }
    *ret_start = strtoull(name, &end, 16);
    return end == name + 16 && *ret_start <= INT64_MAX && *ret_start % 8 == 0;
}

/* Never sparse: a hole on a full disk would be a SIGBUS in the broker. */
static bool allocate(int fd, size_t size) {
    static const unsigned char zeros[PAGE];

    if (fallocate(fd, 0, 0, (off_t)size) == 0) {
        return true;
    }
    if (errno != EOPNOTSUPP) {
        return false;
    }
    for (size_t at = 0; at < size; at += sizeof zeros) {
        if (pwrite(fd, zeros, sizeof zeros, (off_t)at) != (ssize_t)sizeof zeros) {
            return false;
        }
    }
    return true;
}

/* Writes to each page, so that its fault is taken here. */
static void touch(struct segment *segment) {
    for (size_t at = 0; at < segment->size; at += PAGE) {
        *(volatile unsigned char *)(segment->base + at) = 0;
    }
}

static bool map(struct segment *segment, int protection) {
    void *base = mmap(NULL, segment->size, protection, MAP_SHARED, segment->fd, 0);

    segment->base = base == MAP_FAILED ? NULL : base;
    return segment->base != NULL;
}

bool segment_create(int folder, uint64_t start, size_t size, struct segment *ret_segment) {
    struct segment segment = {.size = size, .start = start};
    char name[NAME_MAX_LEN];

    name_of(start, name);
    segment.fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (segment.fd < 0) {
        return false;
    }
    if (!allocate(segment.fd, size) || !map(&segment, PROT_READ | PROT_WRITE)) {
        int error = errno;

        close(segment.fd);
        unlinkat(folder, name, 0);
        errno = error;
        return false;
    }
    touch(&segment);
    *ret_segment = segment;
    return true;
}

bool segment_recycle(int folder, struct segment *segment, uint64_t start) {
    char from[NAME_MAX_LEN], to[NAME_MAX_LEN];

    name_of(segment->start, from);
    name_of(start, to);
    memset(segment->base, 0, segment->size); /* its blocks are there */
    if (renameat(folder, from, folder, to) != 0) {
        int error = errno;

        segment_close(segment);
        unlinkat(folder, from, 0);
        errno = error;
        return false;
    }
    segment->start = start;
    return true;
}

bool segment_open(int folder, uint64_t start, struct segment *ret_segment) {
    struct segment segment = {.start = start};
    char name[NAME_MAX_LEN];
    struct stat info;

    name_of(start, name);
    segment.fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (segment.fd < 0) {
        return false;
    }
    if (fstat(segment.fd, &info) != 0) {
        close(segment.fd);
        return false;
    }
    segment.size = (size_t)info.st_size;
    if (segment.size > 0 && !map(&segment, PROT_READ)) {
        close(segment.fd);
        return false;
    }
    *ret_segment = segment;
    return true;
}

bool segment_sync(const struct segment *segment) { return fdatasync(segment->fd) == 0; }

void segment_cut(const struct segment *segment, size_t used) {
    off_t size = (off_t)((used + PAGE - 1) / PAGE * PAGE);

    (void)!ftruncate(segment->fd, size); /* a file that stays longer does no harm */
}

void segment_close(struct segment *segment) {
    if (segment->base) {
        munmap(segment->base, segment->size);
        segment->base = NULL;
    }
    if (segment->fd >= 0) {
        close(segment->fd);
        segment->fd = -1;
    }
}

bool segment_remove(int folder, uint64_t start) {
    char name[NAME_MAX_LEN];

    name_of(start, name);
    return unlinkat(folder, name, 0) == 0;
}
