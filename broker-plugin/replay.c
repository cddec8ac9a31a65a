#include "replay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct replay {
    int folder;
    uint64_t committed;
    uint64_t position;
    struct segment *files; /* ascending by start */
    size_t count;
    size_t reading;  /* the file that is read */
    size_t released; /* files that are gone */
    size_t offset;   /* in the file that is read */
};

static int by_start(const void *a, const void *b) {
    uint64_t x = ((const struct segment *)a)->start, y = ((const struct segment *)b)->start;

    return (x > y) - (x < y);
}

static bool add_file(struct replay *replay, uint64_t start) {
    struct segment *files = realloc(replay->files, (replay->count + 1) * sizeof replay->files[0]);

    if (!files) {
        return false;
    }
    replay->files = files;
    if (!segment_open(replay->folder, start, &files[replay->count])) {
        return false;
    }
    if (files[replay->count].size == 0) {
        /* A broker was killed while it made it. It holds nothing, and its name is wanted. */
        segment_close(&files[replay->count]);
        return segment_remove(replay->folder, start);
    }
    replay->count++;
    return true;
}

static bool add_files(struct replay *replay, DIR *dir) {
    const struct dirent *entry;
    uint64_t start;

    while ((entry = readdir(dir))) {
        if (segment_parse_name(entry->d_name, &start) && !add_file(replay, start)) {
            return false;
        }
    }
    return true;
}

/* A folder is read through a descriptor of its own: closedir closes it. */
static bool list_files(struct replay *replay) {
    int fd = openat(replay->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    bool ok = add_files(replay, dir);
    closedir(dir);
    return ok;
}

static bool all_zero(const struct segment *file) {
    return file->base[0] == 0 && memcmp(file->base, file->base + 1, file->size - 1) == 0;
}

/* A killed broker leaves segments that it had made ready. They are the last ones. */
static bool drop_unused(struct replay *replay) {
    while (replay->count > replay->released && all_zero(&replay->files[replay->count - 1])) {
        struct segment *file = &replay->files[--replay->count];

        segment_close(file);
        if (!segment_remove(replay->folder, file->start)) {
            return false; /* its name is wanted */
        }
    }
    return true;
}

struct replay *replay_open(int folder, uint64_t committed, char *error, size_t error_size) {
    struct replay *replay = calloc(1, sizeof *replay);

    if (!replay) {
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    replay->folder = folder;
    replay->committed = committed;
    replay->position = committed;
    if (!list_files(replay)) {
        snprintf(error, error_size, "a segment cannot be read: %s", strerror(errno));
        replay_free(replay);
        return NULL;
    }
    if (replay->count > 0) {
        qsort(replay->files, replay->count, sizeof replay->files[0], by_start);
    }
    replay_release(replay, committed);
    if (!drop_unused(replay)) {
        snprintf(error, error_size, "an unused segment cannot be removed: %s", strerror(errno));
        replay_free(replay);
        return NULL;
    }
    replay->reading = replay->released;
    return replay;
}

void replay_free(struct replay *replay) {
    if (replay) {
        for (size_t i = replay->released; i < replay->count; i++) {
            segment_close(&replay->files[i]);
        }
        free(replay->files);
        free(replay);
    }
}

bool replay_read(struct replay *replay, struct record *ret_record, size_t *ret_damaged,
                 uint64_t *ret_at) {
    *ret_damaged = 0;
    while (replay->reading < replay->count) {
        const struct segment *file = &replay->files[replay->reading];
        size_t from = replay->offset, damaged;
        bool found =
            record_find(file->base, file->size, file->start, &replay->offset, ret_record, &damaged);

        if (damaged > 0 && file->start + from + damaged > replay->committed) {
            *ret_damaged += damaged;
            *ret_at = file->start + from;
        }
        replay->position = file->start + replay->offset;
        if (!found) {
            replay->reading++;
            replay->offset = 0;
        } else if (ret_record->position >= replay->committed) {
            ret_record->replayed = true;
            return true;
        }
    }
    return false;
}

void replay_release(struct replay *replay, uint64_t position) {
    while (replay->released < replay->count) {
        struct segment *file = &replay->files[replay->released];

        if (file->start + file->size > position) {
            return;
        }
        segment_close(file);
        (void)segment_remove(replay->folder,
                             file->start); /* read again at the next start: harmless */
        replay->released++;
    }
}

uint64_t replay_position(const struct replay *replay) { return replay->position; }

uint64_t replay_begin(const struct replay *replay) {
    return replay->released < replay->count ? replay->files[replay->released].start : 0;
}

uint64_t replay_end(const struct replay *replay) {
    uint64_t end = 0;

    for (size_t i = 0; i < replay->count; i++) {
        uint64_t this = replay->files[i].start + replay->files[i].size;

        end = this > end ? this : end;
    }
    return end;
}

size_t replay_bytes(const struct replay *replay) {
    size_t bytes = 0;

    for (size_t i = replay->released; i < replay->count; i++) {
        bytes += replay->files[i].size;
    }
    return bytes;
}
