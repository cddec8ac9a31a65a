#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "domain/jobs.h"
#include "domain/mail_requests.h"
#include "domain/sessions.h"

enum {
    LOOK_MS = 200,        /* from one look for jobs to the next */
    REST_MAX_MS = 100,    /* between two pieces: as long as the last one took, and at most this */
    LOST_MS = 1000,       /* to the next try without a database */
    SWEEP_MS = 60 * 1000, /* from one sweep to the next */
    SEEN_MS = 1000,       /* from one look for sessions that were in use to the next */
    SEEN_PIECE = 1000,
    MAILS_PIECE = 20, /* mails that are asked for, between two pieces of jobs */
};

struct worker {
    struct pool *pool;
    int events_days;
    bool mail_on;
    struct seen *seen;
    worker_report_fn report;
    pthread_t thread;
    pthread_mutex_t lock; /* stopping */
    pthread_cond_t stop;
    bool stopping;
    int64_t sweep_at_ms, seen_at_ms; /* worker thread */
};

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False: it is time to stop. */
static bool rest(struct worker *worker, int64_t ms) {
    int64_t until_ms = now_ms() + ms;
    struct timespec until = {until_ms / 1000, (long)(until_ms % 1000) * 1000000};

    pthread_mutex_lock(&worker->lock);
    while (!worker->stopping &&
           pthread_cond_timedwait(&worker->stop, &worker->lock, &until) != ETIMEDOUT) {
    }
    bool goes_on = !worker->stopping;
    pthread_mutex_unlock(&worker->lock);
    return goes_on;
}

/* A piece of a sweep, when it is time for one; false: that was the last piece. */
static bool sweep(struct worker *worker, struct pg *pg) {
    bool more = false;

    if (now_ms() < worker->sweep_at_ms) {
        return false;
    }
    if (jobs_sweep(pg, worker->events_days, &more) != HUM_OK) {
        worker->report("removing what has expired failed, trying again in a minute");
    }
    if (!more) {
        worker->sweep_at_ms = now_ms() + SWEEP_MS;
    }
    return more;
}

/* What cannot be written now is written when the session is seen again, in some minutes. */
static void write_seen(struct worker *worker, struct pg *pg) {
    int64_t sessions[SEEN_PIECE];

    if (now_ms() < worker->seen_at_ms) {
        return;
    }
    worker->seen_at_ms = now_ms() + SEEN_MS;
    size_t count = seen_take(worker->seen, sessions, SEEN_PIECE);
    if (count > 0 && sessions_seen(pg, sessions, count) != HUM_OK) {
        worker->report("when sessions were seen last could not be written");
    }
}

/* Those who wait for a mail wait for nothing else. False: none was asked for. */
static bool ask_for_mails(struct worker *worker, struct pg *pg) {
    bool worked = worker->mail_on, any = false;

    for (int i = 0; i < MAILS_PIECE && worked; i++) {
        enum hum_status status = mail_requests_step(pg, &worked);
        char line[128];

        if (status != HUM_OK) {
            snprintf(line, sizeof line, "a mail that was asked for has failed (%s)",
                     hum_status_code(status));
            worker->report(line);
            return any;
        }
        any = any || worked;
    }
    return any;
}

/* Does a piece; how long to rest after it. */
static int64_t work(struct worker *worker) {
    int64_t start = now_ms();
    bool worked = false;
    struct pg *pg = NULL;
    char line[128];

    if (pool_take(worker->pool, LOST_MS, &pg) != HUM_OK) {
        return LOST_MS;
    }
    enum hum_status status = jobs_step(pg, &worked);
    if (status != HUM_OK) {
        snprintf(line, sizeof line, "a job has failed (%s) and is tried again later",
                 hum_status_code(status));
        worker->report(line);
    }
    worked = ask_for_mails(worker, pg) || worked;
    write_seen(worker, pg);
    worked = sweep(worker, pg) || worked;
    pool_give(worker->pool, pg);
    int64_t took = now_ms() - start;
    return !worked ? LOOK_MS : took < REST_MAX_MS ? took : REST_MAX_MS;
}

static void *loop(void *arg) {
    struct worker *worker = arg;

    while (rest(worker, work(worker))) {
    }
    return NULL;
}

static void init_locks(struct worker *worker) {
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->stop, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void free_worker(struct worker *worker) {
    pthread_cond_destroy(&worker->stop);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

enum hum_status worker_start(struct pool *pool, int events_days, bool mail_on, struct seen *seen,
                             worker_report_fn report, struct worker **ret_worker) {
    struct worker *worker = calloc(1, sizeof *worker);

    if (!worker) {
        return HUM_INTERNAL;
    }
    worker->pool = pool;
    worker->events_days = events_days;
    worker->mail_on = mail_on;
    worker->seen = seen;
    worker->report = report;
    init_locks(worker);
    if (pthread_create(&worker->thread, NULL, loop, worker) != 0) {
        free_worker(worker);
        return HUM_INTERNAL;
    }
    *ret_worker = worker;
    return HUM_OK;
}

void worker_stop(struct worker *worker) {
    if (!worker) {
        return;
    }
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_cond_signal(&worker->stop);
    pthread_mutex_unlock(&worker->lock);
    pool_cut(worker->pool);
    pthread_join(worker->thread, NULL);
    free_worker(worker);
}
