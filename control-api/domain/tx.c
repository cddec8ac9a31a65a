#include "tx.h"

#include <string.h>

#include <time.h>

/* PostgreSQL looks for deadlocks after 1 s of waiting (deadlock_timeout); lock_timeout is 2 s. What
 * was busy for longer than this was no deadlock. */
enum { DEADLOCK_MS = 1500 };

enum hum_status tx_status(enum pg_outcome outcome) {
    switch (outcome) {
    case PG_DONE:
        return HUM_OK;
    case PG_LOST:
    case PG_BUSY:
        return HUM_UNAVAILABLE;
    case PG_CONFLICT:
        return HUM_CONFLICT;
    case PG_REJECTED:
    case PG_FAILED:
        break;
    }
    return HUM_INTERNAL;
}

static enum pg_outcome run_once(struct pg *pg, tx_fn fn, void *arg, enum hum_status *ret_status) {
    enum pg_outcome outcome = pg_command(pg, "begin");

    *ret_status = HUM_OK;
    if (outcome != PG_DONE) {
        return outcome;
    }
    outcome = fn(pg, arg, ret_status);
    if (outcome == PG_DONE && *ret_status == HUM_OK) {
        return pg_command(pg, "commit");
    }
    if (!pg_lost(pg) && pg_command(pg, "rollback") == PG_LOST) {
        return PG_LOST;
    }
    return outcome;
}

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether the work was about to refer to somebody who has erased their account (sql/, hum_living).
 */
static bool met_erased(const struct pg *pg, enum pg_outcome outcome) {
    return outcome == PG_REJECTED && strcmp(pg_constraint(pg), "users_living") == 0;
}

enum hum_status tx_run(struct pg *pg, tx_fn fn, void *arg) {
    int64_t start = now_ms();
    enum hum_status status;
    enum pg_outcome outcome = run_once(pg, fn, arg, &status);
    bool deadlock = outcome == PG_BUSY && now_ms() - start < DEADLOCK_MS;

    if (status == HUM_OK && (deadlock || outcome == PG_CONFLICT || met_erased(pg, outcome))) {
        outcome = run_once(pg, fn, arg, &status);
    }
    if (status == HUM_OK && met_erased(pg, outcome)) {
        return HUM_UNAUTHORIZED;
    }
    return status != HUM_OK ? status : tx_status(outcome);
}
