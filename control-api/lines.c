#include "lines.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADER = 3,          /* of a queued line: its stream and its length */
    GATHER_NS = 20000000 /* from the first line to its writing: many go in one write */
};

_Static_assert(LINES_MAX <= PIPE_BUF, "a write to a pipe is whole");

static struct {
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t filled;
    pthread_cond_t ended;
    pthread_t thread;
    int fds[LINES_STREAMS];
    lines_report_fn report;
    char *queue;       /* a ring */
    size_t head, tail; /* bytes ever put in, and ever taken out */
    uint64_t dropped;
    bool running, stopping, has_ended;
} lines = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Call with the lock held. */
static void copy_in(const void *bytes, size_t len) {
    size_t at = lines.head % LINES_QUEUE;
    size_t first = len < LINES_QUEUE - at ? len : LINES_QUEUE - at;

    memcpy(lines.queue + at, bytes, first);
    memcpy(lines.queue, (const char *)bytes + first, len - first);
    lines.head += len;
}

/* From so many bytes behind the tail. Call with the lock held. */
static void copy_out(size_t skip, void *bytes, size_t len) {
    size_t at = (lines.tail + skip) % LINES_QUEUE;
    size_t first = len < LINES_QUEUE - at ? len : LINES_QUEUE - at;

    memcpy(bytes, lines.queue + at, first);
    memcpy((char *)bytes + first, lines.queue, len - first);
}

/* A piece of one stream: as many whole lines as a pipe takes at once. False: nothing waits. */
static bool take(char chunk[LINES_MAX], size_t *ret_len, size_t *ret_count, int *ret_fd) {
    size_t len = 0, count = 0;
    unsigned char header[HEADER] = {0}, stream = 0;

    pthread_mutex_lock(&lines.lock);
    while (lines.tail < lines.head) {
        copy_out(0, header, HEADER);
        size_t next = (size_t)header[1] << 8 | header[2];

        if (count > 0 && (header[0] != stream || len + next > LINES_MAX)) {
            break;
        }
        copy_out(HEADER, chunk + len, next);
        lines.tail += HEADER + next;
        stream = header[0];
        len += next;
        count++;
    }
    *ret_fd = lines.fds[stream];
    pthread_mutex_unlock(&lines.lock);
    *ret_len = len;
    *ret_count = count;
    return count > 0;
}

static bool write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t done = write(fd, bytes, len);

        if (done > 0) {
            bytes += done;
            len -= (size_t)done;
        } else if (done < 0 && errno == EAGAIN) { /* whoever gave us the pipe wants it like that */
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        } else if (done == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

static uint64_t drop(size_t count) {
    pthread_mutex_lock(&lines.lock);
    lines.dropped += count;
    uint64_t dropped = lines.dropped;
    pthread_mutex_unlock(&lines.lock);
    return dropped;
}

static void write_queued(void) {
    static uint64_t told; /* writer thread */
    char chunk[LINES_MAX];
    size_t len, count;
    bool written = false;
    int fd;

    while (take(chunk, &len, &count, &fd)) {
        written = write_all(fd, chunk, len);
        if (!written) {
            drop(count);
        }
    }
    uint64_t dropped = drop(0);
    if (written && dropped > told) {
        uint64_t more = dropped - told;

        told = dropped;
        lines.report(more);
    }
}

/* False: there is nothing more to come. */
static bool wait_for_lines(void) {
    struct timespec gather = {.tv_nsec = GATHER_NS};

    pthread_mutex_lock(&lines.lock);
    while (!lines.stopping && lines.head == lines.tail) {
        pthread_cond_wait(&lines.filled, &lines.lock);
    }
    bool stopping = lines.stopping, some = lines.head > lines.tail;
    pthread_mutex_unlock(&lines.lock);
    if (!stopping) {
        nanosleep(&gather, NULL);
    }
    return some;
}

static void *loop(void *arg) {
    (void)arg;
    while (wait_for_lines()) {
        write_queued();
    }
    pthread_mutex_lock(&lines.lock);
    lines.has_ended = true;
    pthread_cond_signal(&lines.ended);
    pthread_mutex_unlock(&lines.lock);
    return NULL;
}

static void init_conditions(void) {
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&lines.filled, &monotonic);
    pthread_cond_init(&lines.ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

enum hum_status lines_start(int out, int err, lines_report_fn report) {
    lines.queue = malloc(LINES_QUEUE);
    if (!lines.queue) {
        return HUM_INTERNAL;
    }
    init_conditions();
    lines.fds[LINES_OUT] = out;
    lines.fds[LINES_ERR] = err;
    lines.report = report;
    lines.head = lines.tail = 0;
    lines.stopping = lines.has_ended = false;
    if (pthread_create(&lines.thread, NULL, loop, NULL) != 0) {
        free(lines.queue);
        return HUM_INTERNAL;
    }
    pthread_mutex_lock(&lines.lock);
    lines.running = true;
    pthread_mutex_unlock(&lines.lock);
    return HUM_OK;
}

/* Call with the lock held. False: the thread is still at it. */
static bool wait_for_end(void) {
    struct timespec until;
    int waited = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LINES_STOP_MS / 1000;
    while (!lines.has_ended && waited == 0) {
        waited = pthread_cond_timedwait(&lines.ended, &lines.lock, &until);
    }
    return lines.has_ended;
}

void lines_stop(void) {
    pthread_mutex_lock(&lines.lock);
    bool running = lines.running;
    lines.running = false;
    lines.stopping = true;
    if (running) {
        pthread_cond_signal(&lines.filled);
    }
    bool ended = running && wait_for_end();
    pthread_mutex_unlock(&lines.lock);
    if (ended) {
        pthread_join(lines.thread, NULL);
        pthread_cond_destroy(&lines.ended);
        pthread_cond_destroy(&lines.filled);
        free(lines.queue);
        lines.queue = NULL;
    }
}

void lines_put(enum lines_stream stream, const char *line, size_t len) {
    size_t length = len < LINES_MAX ? len : LINES_MAX;
    unsigned char header[HEADER] = {(unsigned char)stream, (unsigned char)(length >> 8),
                                    (unsigned char)length};

    pthread_mutex_lock(&lines.lock);
    bool running = lines.running, was_empty = lines.head == lines.tail;
    if (running && lines.head - lines.tail + HEADER + length > LINES_QUEUE) {
        lines.dropped++;
    } else if (running) {
        copy_in(header, HEADER);
        copy_in(line, length);
        if (was_empty) {
            pthread_cond_signal(&lines.filled);
        }
    }
    pthread_mutex_unlock(&lines.lock);
    if (!running && !write_all(stream == LINES_OUT ? STDOUT_FILENO : STDERR_FILENO, line, length)) {
        drop(1);
    }
}

uint64_t lines_dropped(void) { return drop(0); }
