#include "export.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "domain/tx.h"
#include "store/messages.h"
#include "store/run.h"
#include "store/sessions.h"

/* How long a piece waits for its turn: the first one as any request does, the later ones longer,
 * since what has been sent would be lost. */
enum { LATER_WAIT_MS = 30000, RETRY_MS = 100 };

struct exports {
    struct pool *pool;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t freed; /* a reader has finished */
    struct export *running[EXPORTS_MAX];
    size_t count;
    int readers;
    atomic_bool stopping; /* without the lock */
};

struct export {
    struct exports *exports;
    int64_t user, session;
    time_t until;
    bool begun;
    enum export_section section;
    int64_t after; /* the key in the section; of messages, the number in the room */
    int64_t room;  /* of messages: the room that is looked through, 0 before the first */
    int64_t last_seq;
};

static struct timespec now(void) {
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return at;
}

enum hum_status exports_new(struct pool *pool, struct exports **ret_exports) {
    struct exports *exports = calloc(1, sizeof *exports);
    pthread_condattr_t monotonic;

    if (!exports) {
        return HUM_INTERNAL;
    }
    exports->pool = pool;
    pthread_mutex_init(&exports->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&exports->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret_exports = exports;
    return HUM_OK;
}

void exports_free(struct exports *exports) {
    if (exports) {
        pthread_cond_destroy(&exports->freed);
        pthread_mutex_destroy(&exports->lock);
        free(exports);
    }
}

void exports_stop(struct exports *exports) { atomic_store(&exports->stopping, true); }

/* Call with the lock held. */
static void leave_place(struct exports *exports, size_t i) {
    exports->running[i] = exports->running[--exports->count];
}

/* Who reads a piece slower than an export may last has no more to come, and its place is free. Call
 * with the lock held. */
static void leave_late_places(struct exports *exports) {
    time_t at = now().tv_sec;

    for (size_t i = exports->count; i-- > 0;) {
        if (exports->running[i]->until <= at) {
            leave_place(exports, i);
        }
    }
}

static bool is_running(const struct exports *exports, int64_t user) {
    for (size_t i = 0; i < exports->count; i++) {
        if (exports->running[i]->user == user) {
            return true;
        }
    }
    return false;
}

static enum hum_status take_place(struct export *export) {
    struct exports *exports = export->exports;
    enum hum_status status = HUM_OK;

    pthread_mutex_lock(&exports->lock);
    leave_late_places(exports);
    if (is_running(exports, export->user)) {
        status = HUM_RATE_LIMITED;
    } else if (exports->count == EXPORTS_MAX) {
        status = HUM_UNAVAILABLE;
    } else {
        exports->running[exports->count++] = export;
    }
    pthread_mutex_unlock(&exports->lock);
    return status;
}

enum hum_status export_begin(struct exports *exports, int64_t user, int64_t session,
                             struct export **ret_export) {
    struct export *export = calloc(1, sizeof *export);

    if (!export) {
        return HUM_INTERNAL;
    }
    *export = (struct export){.exports = exports,
                              .user = user,
                              .session = session,
                              .until = now().tv_sec + EXPORT_LIFE_S,
                              .after = -1};
    enum hum_status status = take_place(export);
    if (status != HUM_OK) {
        free(export);
        return status;
    }
    *ret_export = export;
    return HUM_OK;
}

void export_end(struct export *export) {
    struct exports *exports = export->exports;

    pthread_mutex_lock(&exports->lock);
    for (size_t i = 0; i < exports->count; i++) {
        if (exports->running[i] == export) {
            leave_place(exports, i);
            break;
        }
    }
    pthread_mutex_unlock(&exports->lock);
    free(export);
}

/* False: it has taken too long. */
static bool take_turn(struct exports *exports) {
    struct timespec until = now();
    int waited = 0;

    until.tv_sec += POOL_WAIT_MS / 1000;
    pthread_mutex_lock(&exports->lock);
    while (exports->readers == EXPORT_READERS && waited == 0) {
        waited = pthread_cond_timedwait(&exports->freed, &exports->lock, &until);
    }
    bool taken = exports->readers < EXPORT_READERS;
    exports->readers += taken;
    pthread_mutex_unlock(&exports->lock);
    return taken;
}

static void give_turn(struct exports *exports) {
    pthread_mutex_lock(&exports->lock);
    exports->readers--;
    pthread_cond_signal(&exports->freed);
    pthread_mutex_unlock(&exports->lock);
}

static enum pg_outcome read_section(struct pg *pg, struct export *export,
                                    struct export_piece *piece) {
    PG_TRY(store_export_rows(pg, piece->section, export->user, export->after, EXPORT_PAGE,
                             &piece->rows));
    size_t count = pg_rows(piece->rows);
    piece->last = piece->section == EXPORT_PROFILE || count < EXPORT_PAGE;
    if (count > 0) {
        export->after = store_export_key(piece->section, piece->rows, count - 1);
    }
    return PG_DONE;
}

/* Goes on to the next room when this one is through; room is 0 after the last. */
static enum pg_outcome find_room(struct pg *pg, struct export *export) {
    if (export->room == 0 || export->after >= export->last_seq) {
        PG_TRY(store_export_room(pg, export->user, export->room, &export->room, &export->last_seq));
        export->after = 0;
    }
    return PG_DONE;
}

static enum pg_outcome read_messages(struct pg *pg, struct export *export,
                                     struct export_piece *piece) {
    PG_TRY(find_room(pg, export));
    if (export->room == 0) {
        piece->last = true;
        return PG_DONE;
    }
    int64_t upto = export->last_seq - export->after > EXPORT_SPAN ? export->after + EXPORT_SPAN
                                                                  : export->last_seq;
    PG_TRY(store_export_messages(pg, export->user, export->room, export->after, upto, EXPORT_PAGE,
                                 &piece->rows));
    size_t count = pg_rows(piece->rows);
    export->after = count == EXPORT_PAGE ? store_message_at(piece->rows, count - 1).seq : upto;
    return PG_DONE;
}

static enum hum_status read_piece(struct pg *pg, struct export *export,
                                  struct export_piece *piece) {
    bool alive = false;
    enum hum_status status =
        tx_status(store_session_alive(pg, export->user, export->session, &alive));

    if (status != HUM_OK || !alive) {
        return status != HUM_OK ? status : HUM_UNAUTHORIZED;
    }
    return tx_status(piece->section == EXPORT_MESSAGES ? read_messages(pg, export, piece)
                                                       : read_section(pg, export, piece));
}

/* One try. */
static enum hum_status try_piece(struct export *export, struct export_piece *piece) {
    struct exports *exports = export->exports;
    struct pg *pg;

    if (!take_turn(exports)) {
        return HUM_UNAVAILABLE;
    }
    enum hum_status status = pool_take(exports->pool, POOL_WAIT_MS, &pg);
    if (status == HUM_OK) {
        status = read_piece(pg, export, piece);
        pool_give(exports->pool, pg);
    }
    give_turn(exports);
    return status;
}

/* A connection that is lost at a later piece is no reason to throw away what has been sent. */
static enum hum_status read_patiently(struct export *export, struct export_piece *piece) {
    time_t until = now().tv_sec + LATER_WAIT_MS / 1000;
    enum hum_status status;

    while ((status = try_piece(export, piece)) == HUM_UNAVAILABLE && now().tv_sec < until &&
           !atomic_load(&export->exports->stopping)) {
        const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};

        nanosleep(&pause, NULL);
    }
    return status;
}

enum hum_status export_next(struct export *export, struct export_piece *ret_piece) {
    struct export_piece piece = {.section = export->section};

    if (now().tv_sec >= export->until) {
        return HUM_UNAVAILABLE;
    }
    enum hum_status status =
        export->begun ? read_patiently(export, &piece) : try_piece(export, &piece);
    if (status != HUM_OK) {
        return status;
    }
    export->begun = true;
    if (piece.last) {
        export->section++;
        export->after = -1;
    }
    *ret_piece = piece;
    return HUM_OK;
}
