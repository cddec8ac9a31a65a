#include "friends.h"

#include "blocks.h"
#include "inbox.h"
#include "limits.h"
#include "store/dms.h"
#include "store/events.h"
#include "store/notify.h"
#include "store/run.h"
#include "tx.h"

struct job {
    int64_t caller;
    int64_t other;
    struct str nickname_key; /* of the other, while other is 0 */
    struct pg_result *rows;  /* the other as the caller sees them afterwards */
};

static const struct str no_data = {NULL, 0};

/* What both may see of each other, and do in their DM, if they have one. */
static enum pg_outcome tell_rights(struct pg *pg, const struct job *job, enum rights rights) {
    bool friends = rights == RIGHTS_READ_AND_SEND;
    int64_t room, last_seq = 0;

    PG_TRY(notify_friend(pg, job->caller, job->other, friends));
    PG_TRY(notify_friend(pg, job->other, job->caller, friends));
    PG_TRY(store_dm_find(pg, job->caller, job->other, &room, &last_seq));
    if (room == 0) {
        return PG_DONE;
    }
    PG_TRY(notify_access(pg, job->caller, room, ROOM_DM, rights, last_seq));
    return notify_access(pg, job->other, room, ROOM_DM, rights, last_seq);
}

static enum pg_outcome record(struct pg *pg, const struct job *job, const char *event,
                              enum message_kind notification) {
    PG_TRY(store_event(pg, event, job->caller, job->other, no_data));
    return inbox_post(pg, job->other, notification, job->caller, 0);
}

static enum pg_outcome befriend(struct pg *pg, const struct job *job, enum hum_status *ret_status) {
    bool found;

    /* Before any row is held: who erases an account waits for these rows. */
    PG_TRY(limits_hold_both(pg, LIMIT_FRIENDS, job->caller, job->other, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_request_delete(pg, job->other, job->caller, &found));
    PG_TRY(store_friendship_insert(pg, job->caller, job->other));
    PG_TRY(tell_rights(pg, job, RIGHTS_READ_AND_SEND));
    return record(pg, job, "FriendRequestAccepted", MESSAGE_FRIEND_REQUEST_ACCEPTED);
}

static enum pg_outcome ask(struct pg *pg, const struct job *job, enum hum_status *ret_status) {
    /* One more friend, should the other accept. */
    PG_TRY(limits_hold(pg, LIMIT_FRIENDS, job->caller, ret_status));
    if (*ret_status == HUM_OK) {
        PG_TRY(limits_hold(pg, LIMIT_REQUESTS_SENT, job->caller, ret_status));
    }
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_request_insert(pg, job->caller, job->other));
    return record(pg, job, "FriendRequestSent", MESSAGE_FRIEND_REQUEST_RECEIVED);
}

/* Sets job->other. */
static enum pg_outcome find_other(struct pg *pg, struct job *job, enum hum_status *ret_status) {
    struct pg_result *rows;

    PG_TRY(job->other ? store_user_get(pg, job->other, &rows)
                      : store_user_by_key(pg, job->nickname_key, &rows));
    if (pg_rows(rows) == 0) {
        *ret_status = HUM_NOT_FOUND;
    } else {
        job->other = store_user_at(rows, 0).id;
        if (job->other == job->caller) {
            *ret_status = HUM_INVALID_REQUEST;
        }
    }
    pg_result_free(rows);
    return PG_DONE;
}

/* Locks the pair, then tells what the other is to the caller: a state, or 0. */
static enum pg_outcome lock_state(struct pg *pg, const struct job *job, int *ret_state) {
    struct pg_result *rows;

    PG_TRY(store_pair_lock(pg, job->caller, job->other));
    PG_TRY(store_friend_get(pg, job->caller, job->other, &rows));
    *ret_state = pg_rows(rows) > 0 ? store_friend_at(rows, 0).state : 0;
    pg_result_free(rows);
    return PG_DONE;
}

static enum pg_outcome request_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    int state;

    PG_TRY(find_other(pg, job, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(lock_state(pg, job, &state));
    PG_TRY(blocks_check(pg, job->caller, job->other, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    if (state == FRIEND_ACCEPTED || state == FRIEND_OUTGOING) {
        *ret_status = state == FRIEND_ACCEPTED ? HUM_ALREADY_FRIENDS : HUM_REQUEST_PENDING;
        return PG_DONE;
    }
    PG_TRY(state == FRIEND_INCOMING ? befriend(pg, job, ret_status) : ask(pg, job, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    return store_friend_get(pg, job->caller, job->other, &job->rows);
}

static enum pg_outcome accept_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    int state;

    PG_TRY(lock_state(pg, job, &state));
    if (state != FRIEND_INCOMING) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    PG_TRY(befriend(pg, job, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    return store_friend_get(pg, job->caller, job->other, &job->rows);
}

static enum pg_outcome decline_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct job *job = arg;
    bool found;

    PG_TRY(store_pair_lock(pg, job->caller, job->other));
    PG_TRY(store_request_delete(pg, job->other, job->caller, &found));
    if (!found) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    return record(pg, job, "FriendRequestDeclined", MESSAGE_FRIEND_REQUEST_DECLINED);
}

static enum pg_outcome withdraw_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct job *job = arg;
    bool found;

    PG_TRY(store_pair_lock(pg, job->caller, job->other));
    PG_TRY(store_request_delete(pg, job->caller, job->other, &found));
    if (!found) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    return store_event(pg, "FriendRequestWithdrawn", job->caller, job->other, no_data);
}

enum pg_outcome friends_end(struct pg *pg, int64_t caller, int64_t other, bool *ret_found) {
    struct job job = {.caller = caller, .other = other};

    PG_TRY(store_friendship_delete(pg, caller, other, ret_found));
    if (!*ret_found) {
        return PG_DONE;
    }
    PG_TRY(tell_rights(pg, &job, RIGHTS_READ));
    return record(pg, &job, "FriendRemoved", MESSAGE_FRIEND_REMOVED);
}

static enum pg_outcome remove_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct job *job = arg;
    bool found;

    PG_TRY(store_pair_lock(pg, job->caller, job->other));
    PG_TRY(friends_end(pg, job->caller, job->other, &found));
    *ret_status = found ? HUM_OK : HUM_NOT_FOUND;
    return PG_DONE;
}

/* Runs work that ends with a row to show. */
static enum hum_status run_for_row(struct pg *pg, tx_fn work, struct job *job,
                                   struct pg_result **ret_rows) {
    enum hum_status status = tx_run(pg, work, job);

    if (status == HUM_OK) {
        *ret_rows = job->rows;
    } else {
        pg_result_free(job->rows); /* of work that could not be committed */
    }
    return status;
}

enum hum_status friends_request(struct pg *pg, int64_t caller, const struct friend_target *target,
                                struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .other = target->id, .nickname_key = target->nickname_key};

    return run_for_row(pg, request_work, &job, ret_rows);
}

enum hum_status friends_accept(struct pg *pg, int64_t caller, int64_t other,
                               struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .other = other};

    return run_for_row(pg, accept_work, &job, ret_rows);
}

enum hum_status friends_decline(struct pg *pg, int64_t caller, int64_t other) {
    return tx_run(pg, decline_work, &(struct job){.caller = caller, .other = other});
}

enum hum_status friends_withdraw(struct pg *pg, int64_t caller, int64_t other) {
    return tx_run(pg, withdraw_work, &(struct job){.caller = caller, .other = other});
}

enum hum_status friends_remove(struct pg *pg, int64_t caller, int64_t other) {
    return tx_run(pg, remove_work, &(struct job){.caller = caller, .other = other});
}

enum hum_status friends_list(struct pg *pg, int64_t caller, int states, int64_t after, int limit,
                             struct pg_result **ret_rows) {
    return tx_status(store_friends_list(pg, caller, states, after, limit, ret_rows));
}
