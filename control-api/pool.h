/* A bounded pool of PostgreSQL connections, and the lease by which a request holds one.
 *
 * A keeper thread opens the connections, and opens anew what has broken, backing off while the
 * server is away; those who need one only wait, and never for long. Nor does a statement: the
 * server ends those that take too long, and the keeper cuts the connection to a server that is
 * frozen. */
#ifndef HUM_POOL_H
#define HUM_POOL_H

#include "pg.h"

enum {
    POOL_MAX = 64,
    POOL_WAIT_MS = 2000,  /* of a request; then it is answered with 503 */
    POOL_HOLD_MS = 15000, /* a connection that is out for longer is cut */
};

struct pool;

/* Gets one line when the database is lost and when it is back. Keeper thread. */
typedef void (*pool_report_fn)(const char *line);

/* Starts the keeper and waits until the first connection is open or has failed. What config points
 * to must outlive the pool. HUM_UNAVAILABLE: the database does not answer yet; report has been
 * told, and *ret_pool is set all the same: it goes on trying. HUM_INTERNAL: no memory or no thread,
 * *ret_pool is NULL. size: 1 to POOL_MAX. */
HUM_MUSTCHECK enum hum_status pool_start(const struct pg_config *config, size_t size,
                                         pool_report_fn report, struct pool **ret_pool);
/* Closes all connections; none may be out. NULL is fine. Waits for a connection that is just being
 * opened (5 s at most). */
void pool_stop(struct pool *pool);

/* Cuts the connections that are out: whoever waits on one gets PG_LOST. Any thread. */
void pool_cut(struct pool *pool);

/* Takes a connection that is alive as far as its socket tells. HUM_UNAVAILABLE after wait_ms
 * without one. Any thread. */
HUM_MUSTCHECK enum hum_status pool_take(struct pool *pool, int wait_ms, struct pg **ret_pg);
/* Gives it back, outside of any transaction; a broken one goes to the keeper. Any thread. */
void pool_give(struct pool *pool, struct pg *pg);

struct pool_numbers {
    size_t size;              /* connections that there are to be */
    size_t open;              /* that there are */
    size_t in_use;            /* that are out */
    uint64_t waits, timeouts; /* takes that had to wait, and of these those that got none */
};

/* Any thread. */
void pool_count(struct pool *pool, struct pool_numbers *ret);

/* At most one connection, taken when it is first needed. One thread. */
struct lease {
    struct pool *pool;
    struct pg *pg; /* NULL: none is held */
};

/* The connection, taken now unless it is held already. HUM_UNAVAILABLE after POOL_WAIT_MS. */
HUM_MUSTCHECK enum hum_status lease_take(struct lease *lease, struct pg **ret_pg);
/* Gives it back early, before something slow; lease_take takes one again. */
void lease_return(struct lease *lease);

#endif
