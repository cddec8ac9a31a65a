/* Whether the API can serve. */
#ifndef HUM_DOMAIN_HEALTH_H
#define HUM_DOMAIN_HEALTH_H

#include "pool.h"

/* HUM_OK: a connection is free and the database is migrated. HUM_UNAVAILABLE: not so within a short
 * wait, so that a probe is answered soon in any case. */
HUM_MUSTCHECK enum hum_status health_ready(struct pool *pool);

#endif
