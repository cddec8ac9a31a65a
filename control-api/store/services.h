/* Other systems that may ask, each with a token of its own. */
#ifndef HUM_STORE_SERVICES_H
#define HUM_STORE_SERVICES_H

#include "pg.h"

/* hash: SHA-256 of a token. ret_id: 0 when there is none that is good. That it was used is noted
 * once a minute. */
HUM_MUSTCHECK enum pg_outcome store_service_find(struct pg *pg, struct str hash, int64_t *ret_id);

extern const struct pg_statement *const store_services_statements[];
extern const size_t store_services_statements_count;

#endif
