#include "health.h"

#include "store/health.h"

enum { READY_WAIT_MS = 250 };

enum hum_status health_ready(struct pool *pool) {
    struct pg *pg = NULL;

    if (pool_take(pool, READY_WAIT_MS, &pg) != HUM_OK) {
        return HUM_UNAVAILABLE;
    }
    bool ready = store_health(pg) == PG_DONE;
    pool_give(pool, pg);
    return ready ? HUM_OK : HUM_UNAVAILABLE;
}
