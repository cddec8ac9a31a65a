#include "health.h"

/* Nothing is read; but the role has the right to only since the last migration. */
static const struct pg_statement ready = {
    "health_ready",
    "select from notification_kinds where false",
};

enum pg_outcome store_health(struct pg *pg) { return pg_run(pg, &ready, NULL, NULL); }

const struct pg_statement *const store_health_statements[] = {&ready};
const size_t store_health_statements_count =
    sizeof store_health_statements / sizeof store_health_statements[0];
