#include "link.h"

#include <time.h>

enum { PATIENCE_S = 5 };

void link_init(struct link *link, const struct pg_config *config) {
    *link = (struct link){.config = config};
    pthread_mutex_init(&link->lock, NULL);
}

void link_destroy(struct link *link) { pthread_mutex_destroy(&link->lock); }

static void set(struct link *link, struct pg *pg) {
    pthread_mutex_lock(&link->lock);
    link->pg = pg;
    pthread_mutex_unlock(&link->lock);
}

bool link_open(struct link *link, char *error, size_t error_size) {
    struct pg *pg;

    if (pg_open(link->config, &pg, error, error_size) != PG_DONE) {
        return false;
    }
    set(link, pg);
    return true;
}

void link_close(struct link *link) {
    struct pg *pg = link->pg;

    set(link, NULL);
    pg_close(pg);
}

void link_join(struct link *link, pthread_t owner) {
    struct timespec limit;

    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += PATIENCE_S;
    if (pthread_clockjoin_np(owner, NULL, CLOCK_MONOTONIC, &limit) == 0) {
        return;
    }
    pthread_mutex_lock(&link->lock);
    if (link->pg) {
        pg_interrupt(link->pg);
    }
    pthread_mutex_unlock(&link->lock);
    pthread_join(owner, NULL);
}
