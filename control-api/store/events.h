/* What happened, for other systems: written in the transaction of the change. */
#ifndef HUM_STORE_EVENTS_H
#define HUM_STORE_EVENTS_H

#include "pg.h"

/* actor: who did it; subject: whom or what it was done to; 0: none. data: a JSON object; .data
 * NULL: an empty one. */
HUM_MUSTCHECK enum pg_outcome store_event(struct pg *pg, const char *kind, int64_t actor,
                                          int64_t subject, struct str data);

extern const struct pg_statement *const store_events_statements[];
extern const size_t store_events_statements_count;

#endif
