/* A thread's connection to PostgreSQL, which another thread can cut when it wants the first one to
 * end: a server that is frozen would hold it for ever. */
#ifndef HUM_LINK_H
#define HUM_LINK_H

#include <pthread.h>

#include "pg.h"

struct link {
    const struct pg_config *config;
    pthread_mutex_t lock; /* of pg being set */
    struct pg *pg;        /* the owning thread's; NULL: not connected */
};

void link_init(struct link *link, const struct pg_config *config);
void link_destroy(struct link *link);

/* The owning thread. False: error gets a line. */
bool link_open(struct link *link, char *error, size_t error_size);
void link_close(struct link *link);

/* Waits for the owning thread, which has been told to end; after 5 s cuts its connection. */
void link_join(struct link *link, pthread_t owner);

#endif
