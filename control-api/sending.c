#include "sending.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lines.h"

struct sending {
    struct stream *stream;
    size_t bytes;
    int64_t began_us;
    struct access_entry entry;
    char *path; /* NULL: no line is to be written */
    char request_id[REQUEST_ID_MAX + 1];
    char method[16]; /* none that is known is longer, and others are not written out */
};

struct sending *sending_new(struct stream *stream) {
    struct sending *sending = calloc(1, sizeof *sending);

    if (sending) {
        sending->stream = stream;
    } else {
        stream_free(stream);
    }
    return sending;
}

bool sending_log(struct sending *sending, const struct access_entry *entry, int64_t began_us) {
    sending->path = strdup(entry->path);
    if (!sending->path) {
        return false;
    }
    snprintf(sending->request_id, sizeof sending->request_id, "%s", entry->request_id);
    snprintf(sending->method, sizeof sending->method, "%s", entry->method);
    sending->began_us = began_us;
    sending->entry = *entry;
    sending->entry.request_id = sending->request_id;
    sending->entry.method = sending->method;
    sending->entry.path = sending->path;
    return true;
}

ssize_t sending_read(struct sending *sending, char *out, size_t size) {
    ssize_t count = stream_read(sending->stream, out, size);

    sending->bytes += count > 0 ? (size_t)count : 0;
    return count;
}

static int64_t clock_us(clockid_t clock) {
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void write_line(struct sending *sending) {
    struct access_entry *entry = &sending->entry;
    char line[ACCESS_LINE_MAX];

    entry->at_ms = clock_us(CLOCK_REALTIME) / 1000;
    entry->us = clock_us(CLOCK_MONOTONIC) - sending->began_us;
    entry->bytes = sending->bytes;
    lines_put(LINES_OUT, line, access_line(entry, line));
}

void sending_free(struct sending *sending) {
    stream_free(sending->stream);
    if (sending->path) {
        write_line(sending);
    }
    free(sending->path);
    free(sending);
}
