#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc32c.h"
#include "replay.h"

enum {
    SEGMENT_MIN = 64 * 1024,
    SEGMENT_MAX = 4 * 1024 * 1024,
    SEGMENTS_OF_LIMIT = 8, /* a small journal has smaller segments rather than fewer */
    AHEAD = 2,             /* segments that are ready beyond the one written to */
    CACHE_LINE = 64,
    LOOK_MS = 100, /* what waits longer is synced */
};

/* How far everything is committed. Kept in a mapped file of its own: written without a system call,
 * and known after the broker was killed. When it is torn, everything is replayed, which does no
 * harm. */
struct mark {
    uint64_t position;
    uint32_t crc;
};

struct journal {
    struct journal_config config;
    int folder, lock, keeper_event, reader_event;
    size_t segment_size;
    struct mark *mark;
    struct replay *replay; /* the reading thread's */
    uint64_t first;        /* the first position of this run */
    struct segment *live;  /* by number of the segment, modulo live_size */
    size_t live_size;
    struct segment spare;
    bool has_spare, trouble_logged, folder_changed;
    /* The keeper's: the first segment that is kept; synced up to; released when it last looked. */
    uint64_t floor, synced, seen_released;
    uint64_t read; /* the reading thread's */
    pthread_t keeper;
    bool keeper_runs;
    atomic_bool stop, broken, waiting;
    _Atomic(uint64_t) replay_left; /* bytes of earlier runs that are still on disk */
    _Alignas(CACHE_LINE) _Atomic(uint64_t) pushed;
    _Atomic(uint64_t) ready; /* segments are ready below this position */
    _Alignas(CACHE_LINE) _Atomic(uint64_t) released;
};

/* Keeps errno: what was said of it may have to be told once more. */
static void say(struct journal *journal, bool error, const char *line) {
    int kept = errno;

    journal->config.log(journal->config.log_arg, error, line);
    errno = kept;
}

static void ring(int event) {
    uint64_t one = 1;

    (void)!write(event, &one, sizeof one);
}

static void quiet(int event) {
    uint64_t count;

    (void)!read(event, &count, sizeof count);
}

static struct segment *segment_at(struct journal *journal, uint64_t position) {
    return &journal->live[position / journal->segment_size % journal->live_size];
}

static uint64_t round_up(const struct journal *journal, uint64_t position) {
    return (position + journal->segment_size - 1) / journal->segment_size * journal->segment_size;
}

/* ---- Pushing ---- */

enum hum_status journal_push(struct journal *journal, const struct record *record) {
    uint64_t at = atomic_load_explicit(&journal->pushed, memory_order_relaxed);
    uint64_t begun = at;
    size_t size = record_size(record);

    if (round_up(journal, at) - at < size) {
        at = round_up(journal, at); /* the rest of the segment stays zero */
    }
    if (at + size > atomic_load_explicit(&journal->ready, memory_order_acquire) ||
        atomic_load_explicit(&journal->broken, memory_order_relaxed)) {
        return HUM_UNAVAILABLE;
    }
    record_write(segment_at(journal, at)->base + at % journal->segment_size, record, at);
    /* Sequentially consistent with journal_wait: the reader sees the record, or we see it waiting.
     */
    atomic_store(&journal->pushed, at + size);
    if (atomic_load(&journal->waiting)) {
        ring(journal->reader_event);
    }
    if (begun / journal->segment_size != (at + size) / journal->segment_size) {
        ring(journal->keeper_event);
    }
    return HUM_OK;
}

/* ---- Reading ---- */

static void log_damage(struct journal *journal, uint64_t at, size_t bytes) {
    char line[200];

    snprintf(
        line, sizeof line,
        "hum: journal: %zu bytes at position %llu are damaged and were passed over; what is whole "
        "before and after them is kept",
        bytes, (unsigned long long)at);
    say(journal, true, line);
}

static bool read_replay(struct journal *journal, struct record *ret_record) {
    size_t damaged;
    uint64_t at = 0;
    bool found = replay_read(journal->replay, ret_record, &damaged, &at);

    if (damaged > 0) {
        log_damage(journal, at, damaged);
    }
    journal->read = found ? replay_position(journal->replay) : journal->first;
    return found;
}

bool journal_read(struct journal *journal, struct record *ret_record) {
    if (journal->read < journal->first && read_replay(journal, ret_record)) {
        return true;
    }
    while (journal->read < atomic_load_explicit(&journal->pushed, memory_order_acquire)) {
        const struct segment *segment = segment_at(journal, journal->read);
        uint64_t pushed = atomic_load_explicit(&journal->pushed, memory_order_acquire);
        /* Not beyond what is pushed: damage at its end must not hide what comes. */
        size_t end = pushed - segment->start < segment->size ? (size_t)(pushed - segment->start)
                                                             : segment->size;
        size_t offset = journal->read % journal->segment_size, damaged;
        uint64_t begun = journal->read;
        bool found = record_find(segment->base, end, segment->start, &offset, ret_record, &damaged);

        if (damaged > 0) {
            log_damage(journal, begun, damaged);
        }
        journal->read = segment->start + offset;
        if (found) {
            return true;
        }
    }
    return false;
}

uint64_t journal_position(const struct journal *journal) { return journal->read; }

static void set_mark(struct journal *journal, uint64_t position) {
    journal->mark->position = position;
    journal->mark->crc = crc32c(0, &position, sizeof position);
}

void journal_release(struct journal *journal, uint64_t position) {
    uint64_t before = atomic_load_explicit(&journal->released, memory_order_relaxed);

    if (position <= before) {
        return;
    }
    set_mark(journal, position);
    if (before < journal->first) {
        replay_release(journal->replay, position);
        atomic_store(&journal->replay_left, replay_bytes(journal->replay));
    }
    atomic_store_explicit(&journal->released, position, memory_order_release);
    if (before / journal->segment_size != position / journal->segment_size) {
        ring(journal->keeper_event);
    }
}

void journal_wait(struct journal *journal, int timeout_ms) {
    atomic_store(&journal->waiting, true);
    if (journal->read == atomic_load(&journal->pushed)) {
        struct pollfd wait = {.fd = journal->reader_event, .events = POLLIN};

        (void)poll(&wait, 1, timeout_ms);
    }
    atomic_store(&journal->waiting, false);
    quiet(journal->reader_event);
}

void journal_wake(struct journal *journal) { ring(journal->reader_event); }

uint64_t journal_backlog(const struct journal *journal) {
    uint64_t released = atomic_load(&journal->released);
    uint64_t pushed = atomic_load(&journal->pushed);

    return pushed > released ? pushed - released : 0;
}

bool journal_broken(const struct journal *journal) { return atomic_load(&journal->broken); }

/* ---- Keeping: segments ready ahead, taken back behind, synced ---- */

static void take_back(struct journal *journal) {
    uint64_t released = atomic_load_explicit(&journal->released, memory_order_acquire);

    while (journal->floor + journal->segment_size <= released) {
        struct segment *segment = segment_at(journal, journal->floor);

        if (journal->has_spare) {
            segment_close(segment);
            (void)segment_remove(journal->folder, segment->start);
        } else {
            journal->spare = *segment;
            journal->has_spare = true;
        }
        *segment = (struct segment){.fd = -1};
        journal->floor += journal->segment_size;
        if (journal->synced < journal->floor) {
            journal->synced = journal->floor;
        }
    }
}

static bool make_segment(struct journal *journal, uint64_t start) {
    struct segment segment;

    if (journal->has_spare) {
        journal->has_spare = false;
        segment = journal->spare;
        if (!segment_recycle(journal->folder, &segment, start)) {
            return false;
        }
    } else if (!segment_create(journal->folder, start, journal->segment_size, &segment)) {
        return false;
    }
    *segment_at(journal, start) = segment;
    journal->folder_changed = true;
    return true;
}

static bool within_limit(struct journal *journal, uint64_t ready) {
    uint64_t kept = ready - journal->floor + journal->segment_size;

    return kept + atomic_load(&journal->replay_left) <= journal->config.bytes &&
           kept / journal->segment_size <= journal->live_size;
}

static void log_trouble(struct journal *journal) {
    char line[200];

    if (!journal->trouble_logged) {
        journal->trouble_logged = true;
        snprintf(line, sizeof line,
                 "hum: journal: no new segment: %s; publishers are turned away when the last one "
                 "is full",
                 strerror(errno));
        say(journal, true, line);
    }
}

/* False: it has to be tried again. */
static bool make_ready(struct journal *journal) {
    uint64_t ready = atomic_load_explicit(&journal->ready, memory_order_relaxed);

    while (ready <
           round_up(journal, atomic_load(&journal->pushed) + 1) + AHEAD * journal->segment_size) {
        if (!within_limit(journal, ready)) {
            return true; /* a release rings */
        }
        if (!make_segment(journal, ready)) {
            log_trouble(journal);
            return false;
        }
        journal->trouble_logged = false;
        ready += journal->segment_size;
        atomic_store_explicit(&journal->ready, ready, memory_order_release);
    }
    return true;
}

/* Names first: after a power cut a segment must not come back under the name it had before. */
static bool sync_names(struct journal *journal) {
    if (journal->folder_changed && fsync(journal->folder) != 0) {
        return false;
    }
    journal->folder_changed = false;
    return true;
}

static bool sync_segments(struct journal *journal, uint64_t pushed) {
    while (journal->synced < pushed) {
        uint64_t end = round_up(journal, journal->synced + 1);

        if (!segment_sync(segment_at(journal, journal->synced))) {
            return false;
        }
        journal->synced = end < pushed ? end : pushed;
    }
    return true;
}

/* A sync that failed is not tried again: the kernel may have dropped what it could not write, and a
 * second success would say nothing about it. */
static void sync_pushed(struct journal *journal) {
    uint64_t pushed = atomic_load(&journal->pushed);

    if (journal->synced >= pushed || journal_broken(journal)) {
        return;
    }
    if (!sync_names(journal) || !sync_segments(journal, pushed)) {
        atomic_store(&journal->broken, true);
        say(journal, true,
            "hum: journal: a sync failed; no message is taken until the broker is restarted");
    }
}

/* Nothing was released since the last look, and something waits: the database is away, or slow. */
static bool stalled(struct journal *journal) {
    uint64_t released = atomic_load(&journal->released);
    bool same = released == journal->seen_released;

    journal->seen_released = released;
    return same && journal_backlog(journal) > 0;
}

static void keep_once(struct journal *journal) {
    struct pollfd wait = {.fd = journal->keeper_event, .events = POLLIN};

    take_back(journal);
    (void)make_ready(journal); /* what fails is tried again at the next look */
    (void)poll(&wait, 1, LOOK_MS);
    if (stalled(journal)) {
        sync_pushed(journal);
    }
    quiet(journal->keeper_event);
}

static void *keep(void *arg) {
    struct journal *journal = arg;

    while (!atomic_load(&journal->stop)) {
        keep_once(journal);
    }
    return NULL;
}

/* ---- Opening and closing ---- */

static bool explain(char *error, size_t size, const char *what) {
    snprintf(error, size, "%s: %s", what, strerror(errno));
    return false;
}

static bool open_folder(struct journal *journal, char *error, size_t size) {
    const char *folder = journal->config.folder;

    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return explain(error, size, folder);
    }
    journal->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->folder < 0) {
        return explain(error, size, folder);
    }
    journal->lock = openat(journal->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->lock < 0) {
        return explain(error, size, "its lock");
    }
    if (flock(journal->lock, LOCK_EX | LOCK_NB) != 0) {
        snprintf(error, size, "%s belongs to another broker that runs", folder);
        return false;
    }
    return true;
}

static bool map_mark(struct journal *journal, char *error, size_t size) {
    int fd = openat(journal->folder, "mark", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || posix_fallocate(fd, 0, 4096) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return explain(error, size, "its mark");
    }
    void *mark = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    journal->mark = mark == MAP_FAILED ? NULL : mark;
    return journal->mark || explain(error, size, "its mark");
}

static uint64_t read_mark(const struct journal *journal) {
    uint64_t position = journal->mark->position;

    return journal->mark->crc == crc32c(0, &position, sizeof position) ? position : 0;
}

/* The greatest power of two that leaves enough segments. */
static size_t choose_segment_size(size_t bytes) {
    size_t size = SEGMENT_MIN;

    while (size < SEGMENT_MAX && size * 2 * SEGMENTS_OF_LIMIT <= bytes) {
        size *= 2;
    }
    return size;
}

static bool open_replay(struct journal *journal, char *error, size_t size) {
    uint64_t committed = read_mark(journal);

    journal->replay = replay_open(journal->folder, committed, error, size);
    if (!journal->replay) {
        return false;
    }
    uint64_t end = replay_end(journal->replay);
    journal->first = round_up(journal, end > committed ? end : committed);
    uint64_t begin = replay_begin(journal->replay);
    journal->read = replay_bytes(journal->replay) == 0 ? journal->first
                    : begin > committed                ? begin
                                                       : committed;
    /* A mark that is torn must not become valid again when positions have gone on from less. */
    set_mark(journal, journal->read);
    atomic_init(&journal->released, journal->read);
    atomic_init(&journal->replay_left, replay_bytes(journal->replay));
    atomic_init(&journal->pushed, journal->first);
    atomic_init(&journal->ready, journal->first);
    journal->floor = journal->first;
    journal->synced = journal->first;
    return true;
}

static bool make_live(struct journal *journal, char *error, size_t size) {
    journal->live_size = journal->config.bytes / journal->segment_size + AHEAD + 1;
    journal->live = calloc(journal->live_size, sizeof journal->live[0]);
    if (!journal->live) {
        return explain(error, size, "the list of segments");
    }
    for (size_t i = 0; i < journal->live_size; i++) {
        journal->live[i].fd = -1;
    }
    if (!make_ready(journal)) {
        return explain(error, size, "a segment");
    }
    return true;
}

static bool start_keeper(struct journal *journal, char *error, size_t size) {
    int failed = pthread_create(&journal->keeper, NULL, keep, journal);

    if (failed) {
        errno = failed;
        return explain(error, size, "its thread");
    }
    journal->keeper_runs = true;
    return true;
}

static bool open_all(struct journal *journal, char *error, size_t size) {
    journal->segment_size = choose_segment_size(journal->config.bytes);
    journal->keeper_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    journal->reader_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (journal->keeper_event < 0 || journal->reader_event < 0) {
        return explain(error, size, "an event");
    }
    return open_folder(journal, error, size) && map_mark(journal, error, size) &&
           open_replay(journal, error, size) && make_live(journal, error, size) &&
           start_keeper(journal, error, size);
}

struct journal *journal_open(const struct journal_config *config, char *error, size_t error_size) {
    struct journal *journal = aligned_alloc(CACHE_LINE, sizeof *journal);

    if (!journal) {
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    memset(journal, 0, sizeof *journal);
    journal->config = *config;
    journal->folder = journal->lock = journal->keeper_event = journal->reader_event = -1;
    if (!open_all(journal, error, error_size)) {
        journal_close(journal);
        return NULL;
    }
    return journal;
}

static void close_fd(int fd) {
    if (fd >= 0) {
        close(fd);
    }
}

/* Segments that were made ready and not used would count as a backlog at the next start, and so
 * would the rest of the last one. */
static void drop_live(struct journal *journal, struct segment *segment) {
    uint64_t pushed = atomic_load(&journal->pushed);

    if (!segment->base) {
        return;
    }
    if (segment->start >= pushed) {
        segment_close(segment);
        (void)segment_remove(journal->folder, segment->start);
        return;
    }
    if (pushed - segment->start < segment->size) {
        segment_cut(segment, (size_t)(pushed - segment->start));
    }
    segment_close(segment);
}

void journal_close(struct journal *journal) {
    if (!journal) {
        return;
    }
    if (journal->keeper_runs) {
        atomic_store(&journal->stop, true);
        ring(journal->keeper_event);
        pthread_join(journal->keeper, NULL);
        if (journal_backlog(journal) > 0) {
            sync_pushed(journal);
        }
    }
    for (size_t i = 0; journal->live && i < journal->live_size; i++) {
        drop_live(journal, &journal->live[i]);
    }
    if (journal->has_spare) {
        segment_close(&journal->spare);
        (void)segment_remove(journal->folder, journal->spare.start);
    }
    replay_free(journal->replay);
    if (journal->mark) {
        munmap(journal->mark, 4096);
    }
    free(journal->live);
    close_fd(journal->keeper_event);
    close_fd(journal->reader_event);
    close_fd(journal->folder);
    close_fd(journal->lock);
    free(journal);
}
