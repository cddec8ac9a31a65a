#include "users.h"

#include "store/events.h"
#include "store/run.h"
#include "tx.h"

enum { EVENT_DATA_MAX = 8 * 1024 };

typedef enum pg_outcome (*get_fn)(struct pg *pg, int64_t id, struct pg_result **ret_rows);

/* Takes rows over. */
static enum hum_status take_one(enum pg_outcome outcome, struct pg_result *rows,
                                struct pg_result **ret_rows) {
    if (outcome != PG_DONE) {
        return tx_status(outcome);
    }
    if (pg_rows(rows) == 0) {
        pg_result_free(rows);
        return HUM_NOT_FOUND;
    }
    *ret_rows = rows;
    return HUM_OK;
}

static enum hum_status get_one(struct pg *pg, get_fn get, int64_t id, struct pg_result **ret_rows) {
    struct pg_result *rows = NULL;
    enum pg_outcome outcome = get(pg, id, &rows);

    return take_one(outcome, rows, ret_rows);
}

enum hum_status users_read(struct reads *reads, int64_t id, struct pg_result **ret_rows) {
    struct pg_result *rows = NULL;
    enum pg_outcome outcome = store_user_read(reads, id, &rows);

    return take_one(outcome, rows, ret_rows);
}

enum hum_status users_get(struct pg *pg, int64_t id, struct pg_result **ret_rows) {
    return get_one(pg, store_user_get, id, ret_rows);
}

enum hum_status users_get_any(struct pg *pg, int64_t id, struct pg_result **ret_rows) {
    return get_one(pg, store_user_get_any, id, ret_rows);
}

enum hum_status users_search(struct pg *pg, int64_t caller, struct str prefix,
                             const struct search_place *after, int limit,
                             struct pg_result **ret_rows) {
    return tx_status(store_users_search(pg, caller, prefix, after, limit, ret_rows));
}

struct change_job {
    int64_t caller;
    struct str nickname, nickname_key, about; /* .data NULL: stays */
    struct str event;
};

static enum pg_outcome change_profile(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct change_job *job = arg;
    bool found = false;
    enum pg_outcome outcome =
        store_user_update(pg, job->caller, job->nickname, job->nickname_key, job->about, &found);

    if (outcome == PG_CONFLICT && strcmp(pg_constraint(pg), store_users_nickname_key) == 0) {
        *ret_status = HUM_NICKNAME_TAKEN;
    }
    PG_TRY(outcome);
    if (!found) {
        *ret_status = HUM_UNAUTHORIZED;
        return PG_DONE;
    }
    return store_event(pg, "UserProfileUpdated", job->caller, job->caller, job->event);
}

static void write_event(struct buf *out, const struct change_job *job) {
    buf_text(out, "{");
    if (job->nickname.data) {
        buf_text(out, "\"nickname\":");
        buf_json_string(out, job->nickname);
    }
    if (job->about.data) {
        buf_text(out, job->nickname.data ? ",\"about\":" : "\"about\":");
        buf_json_string(out, job->about);
    }
    buf_text(out, "}");
}

enum hum_status users_change_profile(struct pg *pg, int64_t caller,
                                     const struct profile_change *change) {
    struct change_job job = {.caller = caller, .about = change->about};
    enum hum_status status = HUM_INTERNAL;
    struct buf event;

    if (change->nickname.len) {
        job.nickname = nickname_str(&change->nickname);
        job.nickname_key = nickname_str(&change->nickname_key);
    }
    if (!job.nickname.data && !job.about.data) {
        return HUM_OK;
    }
    buf_init(&event, EVENT_DATA_MAX);
    write_event(&event, &job);
    if (!event.failed) {
        job.event = (struct str){event.data, event.len};
        status = tx_run(pg, change_profile, &job);
    }
    buf_free(&event);
    return status;
}
