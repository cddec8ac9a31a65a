#include "blocks.h"

#include "friends.h"
#include "limits.h"
#include "store/events.h"
#include "store/run.h"
#include "store/users.h"
#include "tx.h"

struct job {
    int64_t caller;
    int64_t other;
};

static const struct str no_data = {NULL, 0};

enum pg_outcome blocks_check(struct pg *pg, int64_t caller, int64_t other,
                             enum hum_status *ret_status) {
    bool blocks, is_blocked;

    PG_TRY(store_block_get(pg, caller, other, &blocks, &is_blocked));
    *ret_status = blocks ? HUM_BLOCKED : is_blocked ? HUM_FORBIDDEN : HUM_OK;
    return PG_DONE;
}

/* Within the work, so that a repetition of it finds out who has gone meanwhile. */
static enum pg_outcome find_other(struct pg *pg, int64_t other, enum hum_status *ret_status) {
    struct pg_result *rows;

    PG_TRY(store_user_get(pg, other, &rows));
    if (pg_rows(rows) == 0) {
        *ret_status = HUM_NOT_FOUND;
    }
    pg_result_free(rows);
    return PG_DONE;
}

static enum pg_outcome add_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct job *job = arg;
    bool blocks, is_blocked, changed;

    PG_TRY(store_pair_lock(pg, job->caller, job->other));
    PG_TRY(find_other(pg, job->other, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_block_get(pg, job->caller, job->other, &blocks, &is_blocked));
    if (blocks) {
        return PG_DONE;
    }
    PG_TRY(limits_hold(pg, LIMIT_BLOCKS, job->caller, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_block_insert(pg, job->caller, job->other, &changed));
    PG_TRY(store_event(pg, "UserBlocked", job->caller, job->other, no_data));
    PG_TRY(store_pending_delete(pg, job->caller, job->other));
    return friends_end(pg, job->caller, job->other, &changed);
}

static enum pg_outcome remove_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct job *job = arg;
    bool found;

    PG_TRY(store_pair_lock(pg, job->caller, job->other));
    PG_TRY(store_block_delete(pg, job->caller, job->other, &found));
    if (!found) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    return store_event(pg, "UserUnblocked", job->caller, job->other, no_data);
}

enum hum_status blocks_add(struct pg *pg, int64_t caller, int64_t other) {
    if (caller == other) {
        return HUM_INVALID_REQUEST;
    }
    return tx_run(pg, add_work, &(struct job){.caller = caller, .other = other});
}

enum hum_status blocks_remove(struct pg *pg, int64_t caller, int64_t other) {
    return tx_run(pg, remove_work, &(struct job){.caller = caller, .other = other});
}

enum hum_status blocks_list(struct pg *pg, int64_t caller, int64_t after, int limit,
                            struct pg_result **ret_rows) {
    return tx_status(store_blocks_list(pg, caller, after, limit, ret_rows));
}
