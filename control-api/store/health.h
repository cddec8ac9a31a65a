/* Whether the database is there and ready for use. */
#ifndef HUM_STORE_HEALTH_H
#define HUM_STORE_HEALTH_H

#include "pg.h"

/* PG_DONE: the schema is there, and this role may use it. */
HUM_MUSTCHECK enum pg_outcome store_health(struct pg *pg);

extern const struct pg_statement *const store_health_statements[];
extern const size_t store_health_statements_count;

#endif
