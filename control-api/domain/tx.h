/* Transactions: from the outcome of statements to the verdict on a request. */
#ifndef HUM_TX_H
#define HUM_TX_H

#include "pg.h"

/* The work of a transaction. It returns PG_DONE once it has come to a verdict, in *ret_status:
 * HUM_OK (as preset) to commit, anything else to roll back. Any other outcome is that of the
 * statement that failed; a verdict that goes with it may be set as well (a constraint's name read
 * as HUM_NICKNAME_TAKEN, say). It may be run a second time: what it leaves in arg, it sets anew. */
typedef enum pg_outcome (*tx_fn)(struct pg *pg, void *arg, enum hum_status *ret_status);

/* Begins, runs fn, commits or rolls back. The work is done once more when it met a deadlock, or a
 * conflict that it had no verdict for (somebody else was just ahead: this time it sees what they
 * did). Not after a lock that was not given within lock_timeout: a room that somebody has frozen
 * would hold connections of the pool twice as long. And once more when somebody erased their
 * account just then: if that was the other, the work finds nobody this time. HUM_UNAUTHORIZED: it
 * was the caller. */
HUM_MUSTCHECK enum hum_status tx_run(struct pg *pg, tx_fn fn, void *arg);

/* What a statement's outcome means for a request. */
HUM_MUSTCHECK enum hum_status tx_status(enum pg_outcome outcome);

#endif
