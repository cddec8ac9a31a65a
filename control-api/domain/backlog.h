/* What waits in the database, for those who watch. */
#ifndef HUM_DOMAIN_BACKLOG_H
#define HUM_DOMAIN_BACKLOG_H

#include "pool.h"
#include "store/backlog.h"

/* HUM_UNAVAILABLE: the database does not answer, or all connections are out; found out sooner than
 * by a request. */
HUM_MUSTCHECK enum hum_status backlog_get(struct pool *pool, struct backlog *ret);

#endif
