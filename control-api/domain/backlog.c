#include "backlog.h"

enum { WAIT_MS = 250 };

enum hum_status backlog_get(struct pool *pool, struct backlog *ret) {
    struct pg *pg = NULL;

    if (pool_take(pool, WAIT_MS, &pg) != HUM_OK) {
        return HUM_UNAVAILABLE;
    }
    enum pg_outcome outcome = store_backlog(pg, ret);
    pool_give(pool, pg);
    return outcome == PG_DONE ? HUM_OK : HUM_UNAVAILABLE;
}
