#include "reads.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 50 }; /* of those who wait for the trip before theirs */

/* A request's read, on its stack. */
struct read {
    struct pg_call call;
    struct read *next;
    bool queued;       /* in the line: nobody has it in hand; under the lock */
    _Atomic bool done; /* atomic for ThreadSanitizer, which does not know sem_clockwait */
    sem_t turn;        /* posted when it is done, or is to lead the next trip */
};

struct reads {
    struct pool *pool;
    long leaders_max;     /* trips at a time: a core each keeps them busy */
    pthread_mutex_t lock; /* what follows */
    struct read *first;
    long leaders; /* on a trip; each finds the next leader afterwards */
};

enum hum_status reads_new(struct pool *pool, struct reads **ret_reads) {
    struct reads *reads = calloc(1, sizeof *reads);

    if (!reads) {
        return HUM_INTERNAL;
    }
    reads->pool = pool;
    reads->leaders_max = sysconf(_SC_NPROCESSORS_ONLN);
    if (reads->leaders_max < 1) {
        reads->leaders_max = 1;
    }
    pthread_mutex_init(&reads->lock, NULL);
    *ret_reads = reads;
    return HUM_OK;
}

void reads_free(struct reads *reads) {
    if (reads) {
        pthread_mutex_destroy(&reads->lock);
        free(reads);
    }
}

/* Call with the lock held. There are never many: a thread each. */
static void line_up(struct reads *reads, struct read *read) {
    struct read **end = &reads->first;

    while (*end) {
        end = &(*end)->next;
    }
    *end = read;
    read->queued = true;
}

/* Call with the lock held. */
static void leave(struct reads *reads, struct read *read) {
    struct read **at = &reads->first;

    while (*at != read) {
        at = &(*at)->next;
    }
    *at = read->next;
    read->queued = false;
}

/* The leader, and as many others as go along. */
static size_t gather(struct reads *reads, struct read *leader, struct read *list[PG_CALLS_MAX]) {
    size_t count = 0;

    list[count++] = leader;
    pthread_mutex_lock(&reads->lock);
    while (reads->first && count < PG_CALLS_MAX) {
        list[count] = reads->first;
        leave(reads, list[count++]);
    }
    pthread_mutex_unlock(&reads->lock);
    return count;
}

/* The next trip may begin while the answers of this one are given out. */
static void hand_over(struct reads *reads) {
    pthread_mutex_lock(&reads->lock);
    struct read *next = reads->first;
    if (next) {
        leave(reads, next);
    }
    reads->leaders -= next == NULL;
    pthread_mutex_unlock(&reads->lock);
    if (next) {
        sem_post(&next->turn);
    }
}

static void run(struct reads *reads, struct pg_call *calls, size_t count) {
    struct pg *pg = NULL;

    if (pool_take(reads->pool, POOL_WAIT_MS, &pg) == HUM_OK) {
        pg_run_many(pg, calls, count);
        pool_give(reads->pool, pg);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        calls[i].outcome = PG_LOST;
    }
}

/* With all who have lined up. */
static void lead(struct reads *reads, struct read *leader) {
    struct read *list[PG_CALLS_MAX];
    struct pg_call calls[PG_CALLS_MAX];
    size_t count = gather(reads, leader, list);

    for (size_t i = 0; i < count; i++) {
        calls[i] = list[i]->call;
    }
    run(reads, calls, count);
    hand_over(reads);
    leader->call = calls[0];
    for (size_t i = 1; i < count; i++) { /* once posted, it is gone */
        list[i]->call = calls[i];
        list[i]->done = true;
        sem_post(&list[i]->turn);
    }
}

static bool wait_turn(struct read *read) {
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PATIENCE_MS * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    int failed;
    do {
        failed = sem_clockwait(&read->turn, CLOCK_MONOTONIC, &until);
    } while (failed && errno == EINTR);
    return !failed;
}

enum turn { LEAD, ALONE, DONE };

/* Alone: the trips before take too long. The database may be in trouble, or one connection of it
 * may: others are not to share in that. */
static enum turn wait(struct reads *reads, struct read *read) {
    if (wait_turn(read)) {
        return read->done ? DONE : LEAD;
    }
    pthread_mutex_lock(&reads->lock);
    bool queued = read->queued;
    if (queued) {
        leave(reads, read);
    }
    pthread_mutex_unlock(&reads->lock);
    if (queued) {
        return ALONE;
    }
    while (sem_wait(&read->turn) != 0) { /* somebody has it in hand */
    }
    return read->done ? DONE : LEAD;
}

/* Whether there is room for one more trip; else it is in the line. */
static bool join(struct reads *reads, struct read *read) {
    pthread_mutex_lock(&reads->lock);
    bool leads = reads->leaders < reads->leaders_max;
    if (leads) {
        reads->leaders++;
    } else {
        line_up(reads, read);
    }
    pthread_mutex_unlock(&reads->lock);
    return leads;
}

enum pg_outcome reads_run(struct reads *reads, const struct pg_statement *statement,
                          struct pg_params *params, struct pg_result **ret_result) {
    struct read read = {.call = {.statement = statement, .params = params}};

    sem_init(&read.turn, 0, 0);
    switch (join(reads, &read) ? LEAD : wait(reads, &read)) {
    case LEAD:
        lead(reads, &read);
        break;
    case ALONE:
        run(reads, &read.call, 1);
        break;
    case DONE:
        break;
    }
    sem_destroy(&read.turn);
    if (read.call.outcome == PG_DONE) {
        *ret_result = read.call.result;
    }
    return read.call.outcome;
}
