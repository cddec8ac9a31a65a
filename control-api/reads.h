/* Small reads of several requests in one round trip to the database.
 *
 * A trip for each core may be under way. Whoever comes meanwhile lines up, and the first of the
 * line then takes all of them along: a busy API wakes the database once for many, an idle one asks
 * at once. Nobody waits for long for the trip of others: after 50 ms one sets out by oneself. For
 * statements that look up a row or a few, and change nothing: all on a trip wait for one another.
 */
#ifndef HUM_READS_H
#define HUM_READS_H

#include "pool.h"

struct reads;

/* pool must outlive it. HUM_INTERNAL: no memory. */
HUM_MUSTCHECK enum hum_status reads_new(struct pool *pool, struct reads **ret_reads);
/* NULL is fine; nobody may be reading. */
void reads_free(struct reads *reads);

/* As pg_run; PG_LOST also when no connection is to be had. Any thread. */
HUM_MUSTCHECK enum pg_outcome reads_run(struct reads *reads, const struct pg_statement *statement,
                                        struct pg_params *params, struct pg_result **ret_result);

#endif
