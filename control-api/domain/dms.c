#include "dms.h"

#include "inbox.h"
#include "store/dms.h"
#include "store/events.h"
#include "store/friends.h"
#include "store/notify.h"
#include "store/run.h"
#include "tx.h"
#include "users.h"

enum { EVENT_DATA_MAX = 128 };

struct job {
    int64_t caller;
    int64_t other;
    bool created;
    struct pg_result *rows;
};

static enum pg_outcome record(struct pg *pg, const struct job *job, int64_t room) {
    struct buf data;

    buf_init(&data, EVENT_DATA_MAX);
    buf_text(&data, "{\"room\":\"");
    buf_int(&data, room);
    buf_text(&data, "\"}");
    enum pg_outcome outcome = data.failed ? PG_FAILED
                                          : store_event(pg, "ChatCreated", job->caller, job->other,
                                                        (struct str){data.data, data.len});
    buf_free(&data);
    return outcome;
}

static enum pg_outcome create(struct pg *pg, const struct job *job, int64_t *ret_room) {
    PG_TRY(store_dm_insert(pg, job->caller, job->other, ret_room));
    PG_TRY(notify_access(pg, job->caller, *ret_room, ROOM_DM, RIGHTS_READ_AND_SEND, 0));
    PG_TRY(notify_access(pg, job->other, *ret_room, ROOM_DM, RIGHTS_READ_AND_SEND, 0));
    PG_TRY(record(pg, job, *ret_room));
    return inbox_post(pg, job->other, MESSAGE_DM_OPENED, job->caller, *ret_room);
}

static enum pg_outcome open_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    int64_t room, last_seq;
    bool friends;

    PG_TRY(store_pair_lock(pg, job->caller, job->other));
    PG_TRY(store_are_friends(pg, job->caller, job->other, &friends));
    if (!friends) {
        *ret_status = HUM_NOT_FRIENDS;
        return PG_DONE;
    }
    PG_TRY(store_dm_find(pg, job->caller, job->other, &room, &last_seq));
    job->created = room == 0;
    if (job->created) {
        PG_TRY(create(pg, job, &room));
    }
    return store_room_get(pg, job->caller, room, &job->rows);
}

enum hum_status dms_open(struct pg *pg, int64_t caller, int64_t other, bool *ret_created,
                         struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .other = other};
    struct pg_result *user;

    if (caller == other) {
        return HUM_INVALID_REQUEST;
    }
    enum hum_status status = users_get(pg, other, &user);
    if (status != HUM_OK) {
        return status;
    }
    pg_result_free(user);
    status = tx_run(pg, open_work, &job);
    if (status != HUM_OK) {
        pg_result_free(job.rows); /* of work that could not be committed */
        return status;
    }
    *ret_created = job.created;
    *ret_rows = job.rows;
    return HUM_OK;
}
