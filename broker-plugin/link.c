#include "link.h"

#include <poll.h>

enum { PATIENCE_MS = 5000, STEP_MS = 5 };

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
    for (int left = PATIENCE_MS; left > 0; left -= STEP_MS) {
        if (pthread_tryjoin_np(owner, NULL) == 0) {
            return;
        }
        (void)poll(NULL, 0, STEP_MS);
    }
    pthread_mutex_lock(&link->lock);
    if (link->pg) {
        pg_interrupt(link->pg);
    }
    pthread_mutex_unlock(&link->lock);
    pthread_join(owner, NULL);
}
