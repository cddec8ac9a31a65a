#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKOFF_MIN_MS = 100,
    BACKOFF_MAX_MS = 5000,
    LOOK_MS = 1000, /* from one look at what is out to the next */
};

struct pool {
    struct pg_config config;
    pool_report_fn report;
    pthread_t keeper;

    pthread_mutex_t lock;      /* what follows */
    pthread_cond_t freed;      /* a connection is idle */
    pthread_cond_t work;       /* for the keeper: something is broken, or stopping */
    struct pg *idle[POOL_MAX]; /* in the order of their coming; see pick */
    size_t idle_count;
    struct pg *broken[POOL_MAX]; /* for the keeper to close */
    size_t broken_count;
    size_t missing; /* to be opened */
    struct connection {
        struct pg *pg;
        int fd;           /* the socket once more: libpq may close its own while the keeper looks */
        int64_t until_ms; /* when it is overdue; 0: it is not out */
    } open[POOL_MAX];
    size_t open_count;
    size_t size;
    uint64_t waits, timeouts;
    bool tried; /* the first attempt has ended */
    bool stopping;
};

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct timespec in_ms(int ms) {
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Call with the lock held. The connection must be one of the pool's. */
static struct connection *find(struct pool *pool, const struct pg *pg) {
    size_t i = 0;

    while (pool->open[i].pg != pg) {
        i++;
    }
    return &pool->open[i];
}

/* Call with the lock held. */
static void put_broken(struct pool *pool, struct pg *pg) {
    struct connection *connection = find(pool, pg);

    close(connection->fd);
    *connection = pool->open[--pool->open_count];
    pool->broken[pool->broken_count++] = pg;
    pool->missing++;
    pthread_cond_signal(&pool->work);
}

/* Nothing is to arrive on an idle connection. What does is the news that the server ends it. */
static bool alive(const struct pg *pg) {
    struct pollfd fd = {.fd = pg_socket(pg), .events = POLLIN};

    return !pg_lost(pg) && poll(&fd, 1, 0) == 0;
}

/* Shuts the sockets of what is out and was due by by_ms: whoever waits for an answer wakes up with
 * an error, and gives the connection back as broken. Call with the lock held. */
static void cut_overdue(struct pool *pool, int64_t by_ms) {
    for (size_t i = 0; i < pool->open_count; i++) {
        const struct connection *connection = &pool->open[i];

        if (connection->until_ms != 0 && connection->until_ms <= by_ms) {
            shutdown(connection->fd, SHUT_RDWR);
        }
    }
}

/* Call with the lock held, which is let go while connections are closed. */
static void close_broken(struct pool *pool) {
    while (pool->broken_count > 0) {
        struct pg *pg = pool->broken[--pool->broken_count];

        pthread_mutex_unlock(&pool->lock);
        pg_close(pg);
        pthread_mutex_lock(&pool->lock);
    }
}

/* Opens one connection; call with the lock held, which is let go meanwhile. */
static bool open_one(struct pool *pool, bool *was_away) {
    char line[600], error[512] = "";
    struct pg *pg = NULL;
    int fd = -1;

    pthread_mutex_unlock(&pool->lock);
    bool ok = pg_open(&pool->config, &pg, error, sizeof error) == PG_DONE;
    if (ok && (fd = fcntl(pg_socket(pg), F_DUPFD_CLOEXEC, 0)) < 0) {
        snprintf(error, sizeof error, "no descriptor is left");
        pg_close(pg);
        ok = false;
    }
    if (!ok && !*was_away) {
        snprintf(line, sizeof line, "connecting to the database failed, trying on: %s", error);
        pool->report(line);
    } else if (ok && *was_away) {
        pool->report("the database answers again");
    }
    *was_away = !ok;
    pthread_mutex_lock(&pool->lock);
    pool->tried = true;
    if (ok) {
        pool->missing--;
        pool->open[pool->open_count++] = (struct connection){pg, fd, 0};
        pool->idle[pool->idle_count++] = pg;
    }
    pthread_cond_broadcast(&pool->freed);
    return ok;
}

static void *keep(void *arg) {
    struct pool *pool = arg;
    bool was_away = false;
    int backoff = BACKOFF_MIN_MS;

    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        close_broken(pool);
        cut_overdue(pool, now_ms());
        if (pool->missing == 0) {
            struct timespec until = in_ms(LOOK_MS);

            pthread_cond_timedwait(&pool->work, &pool->lock, &until);
        } else if (open_one(pool, &was_away)) {
            backoff = BACKOFF_MIN_MS;
        } else {
            struct timespec until = in_ms(backoff);

            while (!pool->stopping &&
                   pthread_cond_timedwait(&pool->work, &pool->lock, &until) != ETIMEDOUT) {
            }
            backoff = backoff * 2 < BACKOFF_MAX_MS ? backoff * 2 : BACKOFF_MAX_MS;
        }
    }
    close_broken(pool);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void init_locks(struct pool *pool) {
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->freed, &monotonic);
    pthread_cond_init(&pool->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void free_pool(struct pool *pool) {
    for (size_t i = 0; i < pool->open_count; i++) {
        pg_close(pool->open[i].pg);
        close(pool->open[i].fd);
    }
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

enum hum_status pool_start(const struct pg_config *config, size_t size, pool_report_fn report,
                           struct pool **ret_pool) {
    struct pool *pool = calloc(1, sizeof *pool);

    *ret_pool = NULL;
    if (!pool || size < 1 || size > POOL_MAX) {
        free(pool);
        return HUM_INTERNAL;
    }
    pool->config = *config;
    pool->report = report;
    pool->missing = pool->size = size;
    init_locks(pool);
    if (pthread_create(&pool->keeper, NULL, keep, pool) != 0) {
        free_pool(pool);
        return HUM_INTERNAL;
    }
    pthread_mutex_lock(&pool->lock);
    while (!pool->tried) {
        pthread_cond_wait(&pool->freed, &pool->lock);
    }
    bool connected = pool->missing < size;
    pthread_mutex_unlock(&pool->lock);
    *ret_pool = pool;
    return connected ? HUM_OK : HUM_UNAVAILABLE;
}

void pool_stop(struct pool *pool) {
    if (!pool) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    pthread_join(pool->keeper, NULL);
    free_pool(pool);
}

void pool_cut(struct pool *pool) {
    pthread_mutex_lock(&pool->lock);
    cut_overdue(pool, INT64_MAX);
    pthread_mutex_unlock(&pool->lock);
}

/* The connection that this thread had last, as its process tends to run on the same core; else the
 * one that came last, whose caches are warm. Call with the lock held; one must be idle. */
static struct pg *pick(struct pool *pool) {
    static _Thread_local const struct pg *had; /* compared only: it may be closed */
    struct pg **last = &pool->idle[--pool->idle_count], **found = last;

    for (size_t i = 0; i < pool->idle_count; i++) {
        if (pool->idle[i] == had) {
            found = &pool->idle[i];
        }
    }
    struct pg *pg = *found;
    *found = *last;
    had = pg;
    return pg;
}

enum hum_status pool_take(struct pool *pool, int wait_ms, struct pg **ret_pg) {
    struct timespec until = in_ms(wait_ms);
    struct pg *pg = NULL;
    bool waited = false;

    pthread_mutex_lock(&pool->lock);
    while (!pg) {
        if (pool->idle_count > 0) {
            pg = pick(pool);
            if (!alive(pg)) {
                put_broken(pool, pg);
                pg = NULL;
            }
        } else {
            pool->waits += !waited;
            waited = true;
            if (pthread_cond_timedwait(&pool->freed, &pool->lock, &until) == ETIMEDOUT) {
                pool->timeouts++;
                break;
            }
        }
    }
    if (pg) {
        find(pool, pg)->until_ms = now_ms() + POOL_HOLD_MS;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!pg) {
        return HUM_UNAVAILABLE;
    }
    *ret_pg = pg;
    return HUM_OK;
}

void pool_give(struct pool *pool, struct pg *pg) {
    pthread_mutex_lock(&pool->lock);
    find(pool, pg)->until_ms = 0;
    if (pg_lost(pg)) {
        put_broken(pool, pg);
    } else {
        pool->idle[pool->idle_count++] = pg;
        pthread_cond_signal(&pool->freed);
    }
    pthread_mutex_unlock(&pool->lock);
}

void pool_count(struct pool *pool, struct pool_numbers *ret) {
    pthread_mutex_lock(&pool->lock);
    *ret = (struct pool_numbers){
        .size = pool->size,
        .open = pool->open_count,
        .in_use = pool->open_count - pool->idle_count,
        .waits = pool->waits,
        .timeouts = pool->timeouts,
    };
    pthread_mutex_unlock(&pool->lock);
}

enum hum_status lease_take(struct lease *lease, struct pg **ret_pg) {
    if (!lease->pg) {
        enum hum_status status = pool_take(lease->pool, POOL_WAIT_MS, &lease->pg);

        if (status != HUM_OK) {
            return status;
        }
    }
    *ret_pg = lease->pg;
    return HUM_OK;
}

void lease_return(struct lease *lease) {
    if (lease->pg) {
        pool_give(lease->pool, lease->pg);
        lease->pg = NULL;
    }
}
