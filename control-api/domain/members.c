#include "members.h"

#include "channels.h"
#include "inbox.h"
#include "limits.h"
#include "store/friends.h"
#include "store/invites.h"
#include "store/notify.h"
#include "store/run.h"
#include "tx.h"

enum { DATA_MAX = 2048 };

struct job {
    int64_t caller;
    int64_t server;
    int64_t user;
    bool ban;
    struct server_view view;
    struct pg_result *rows; /* the server afterwards */
};

static enum hum_status run(struct pg *pg, tx_fn work, struct job *job,
                           struct pg_result **ret_rows) {
    enum hum_status status = tx_run(pg, work, job);

    pg_result_free(job->view.rows);
    if (status == HUM_OK && ret_rows) {
        *ret_rows = job->rows;
    } else {
        pg_result_free(job->rows); /* of work that could not be committed */
    }
    return status;
}

/* Ids are unique over all kinds: a server and a user are a pair that no two people are. */
enum pg_outcome member_lock(struct pg *pg, int64_t server, int64_t user) {
    return store_pair_lock(pg, server, user);
}

enum pg_outcome member_admit(struct pg *pg, const struct server_row *server, int64_t user,
                             enum hum_status *ret_status) {
    bool banned, invited, added;

    PG_TRY(store_is_banned(pg, server->id, user, &banned));
    if (banned) {
        *ret_status = HUM_BANNED;
        return PG_DONE;
    }
    PG_TRY(limits_hold(pg, LIMIT_SERVERS_JOINED, user, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_invite_delete(pg, server->id, user, &invited));
    PG_TRY(store_member_insert(pg, server->id, user, &added));
    PG_TRY(notify_access(pg, user, server->id, ROOM_SERVER, RIGHTS_READ, server->last_seq));
    return server_record(pg, &(struct server_event){
                                 .kind = "MemberJoined",
                                 .actor = user,
                                 .server = server->id,
                             });
}

/* Whether the caller may come in by themselves. */
static enum pg_outcome check_open(struct pg *pg, const struct job *job,
                                  enum hum_status *ret_status) {
    bool invited;

    if (job->view.server.public) {
        return PG_DONE;
    }
    PG_TRY(store_is_banned(pg, job->server, job->caller, &invited));
    if (invited) {
        return PG_DONE; /* member_admit has a name for it */
    }
    PG_TRY(store_invite_delete(pg, job->server, job->caller, &invited));
    if (!invited) {
        *ret_status = HUM_INVITE_REQUIRED;
    }
    return PG_DONE;
}

static enum pg_outcome join_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    bool member;

    PG_TRY(server_hold(pg, job->caller, job->server, NEED_NOTHING, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(member_lock(pg, job->server, job->caller));
    PG_TRY(store_is_member(pg, job->server, job->caller, &member));
    if (!member) {
        PG_TRY(check_open(pg, job, ret_status));
        if (*ret_status == HUM_OK) {
            PG_TRY(member_admit(pg, &job->view.server, job->caller, ret_status));
        }
    }
    pg_result_free(job->rows);
    job->rows = NULL;
    return *ret_status == HUM_OK ? store_server_get(pg, job->caller, job->server, &job->rows)
                                 : PG_DONE;
}

/* Takes a user out of the server's channel, if they are in one. */
static enum pg_outcome leave_channel(struct pg *pg, const struct job *job, int64_t user) {
    struct place place;

    PG_TRY(store_place_lock(pg, user));
    PG_TRY(store_place_get(pg, user, &place));
    if (place.channel == 0 || place.server != job->server) {
        return PG_DONE;
    }
    PG_TRY(store_place_clear(pg, user));
    return place.gone ? PG_DONE : channel_left(pg, job->caller, user, &place);
}

/* ret_found: false when they were no member. */
static enum pg_outcome expel(struct pg *pg, const struct job *job, int64_t user, bool *ret_found) {
    PG_TRY(leave_channel(pg, job, user));
    PG_TRY(store_member_delete(pg, job->server, user, ret_found));
    if (!*ret_found) {
        return PG_DONE;
    }
    PG_TRY(notify_access(pg, user, job->server, ROOM_SERVER, RIGHTS_NONE, 0));
    return server_record(pg, &(struct server_event){
                                 .kind = "MemberLeft",
                                 .actor = job->caller,
                                 .server = job->server,
                                 .user = user,
                             });
}

static enum pg_outcome leave_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    bool found;

    PG_TRY(server_hold(pg, job->caller, job->server, NEED_SIGHT, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    if (job->view.server.owner == job->caller) {
        *ret_status = HUM_OWNER_CANNOT_LEAVE;
        return PG_DONE;
    }
    PG_TRY(member_lock(pg, job->server, job->caller));
    PG_TRY(expel(pg, job, job->caller, &found));
    *ret_status = found ? HUM_OK : HUM_NOT_FOUND;
    return PG_DONE;
}

static enum pg_outcome tell_removed(struct pg *pg, const struct job *job) {
    struct buf data;

    buf_init(&data, DATA_MAX);
    buf_text(&data, job->ban ? ",\"reason\":\"banned\"" : ",\"reason\":\"kicked\"");
    server_write_named(&data, "server", job->server, job->view.server.name);
    enum pg_outcome outcome = data.failed
                                  ? PG_FAILED
                                  : inbox_post_with(pg, job->user, MESSAGE_SERVER_REMOVED,
                                                    job->caller, (struct str){data.data, data.len});
    buf_free(&data);
    return outcome;
}

/* The lock is held. ret_known: whether the user exists. */
static enum pg_outcome keep_out(struct pg *pg, const struct job *job, bool *ret_known) {
    struct pg_result *rows;
    bool changed;

    PG_TRY(store_user_get(pg, job->user, &rows));
    *ret_known = pg_rows(rows) > 0;
    pg_result_free(rows);
    if (!*ret_known) {
        return PG_DONE;
    }
    PG_TRY(store_ban_insert(pg, job->server, job->user, &changed));
    if (!changed) {
        return PG_DONE;
    }
    PG_TRY(store_invite_delete(pg, job->server, job->user, &changed));
    return server_record(pg, &(struct server_event){
                                 .kind = "MemberBanned",
                                 .actor = job->caller,
                                 .server = job->server,
                                 .user = job->user,
                             });
}

static enum pg_outcome remove_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    bool known = true, found;

    PG_TRY(server_hold(pg, job->caller, job->server, NEED_OWNER, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    if (job->view.server.owner == job->user) {
        *ret_status = HUM_OWNER_CANNOT_LEAVE;
        return PG_DONE;
    }
    PG_TRY(member_lock(pg, job->server, job->user));
    if (job->ban) {
        PG_TRY(keep_out(pg, job, &known));
    }
    PG_TRY(expel(pg, job, job->user, &found));
    if (!known || (!found && !job->ban)) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    PG_TRY(store_codes_delete(pg, job->server, job->user));
    return found ? tell_removed(pg, job) : PG_DONE;
}

static enum pg_outcome lift_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    bool changed;

    PG_TRY(server_hold(pg, job->caller, job->server, NEED_OWNER, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(member_lock(pg, job->server, job->user));
    PG_TRY(store_ban_delete(pg, job->server, job->user, &changed));
    if (!changed) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    return server_record(pg, &(struct server_event){
                                 .kind = "MemberUnbanned",
                                 .actor = job->caller,
                                 .server = job->server,
                                 .user = job->user,
                             });
}

enum hum_status members_join(struct pg *pg, int64_t caller, int64_t server,
                             struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .server = server};

    return run(pg, join_work, &job, ret_rows);
}

enum hum_status members_leave(struct pg *pg, int64_t caller, int64_t server) {
    struct job job = {.caller = caller, .server = server};

    return run(pg, leave_work, &job, NULL);
}

enum hum_status members_remove(struct pg *pg, int64_t caller, int64_t server, int64_t user,
                               bool ban) {
    struct job job = {.caller = caller, .server = server, .user = user, .ban = ban};

    return run(pg, remove_work, &job, NULL);
}

enum hum_status members_list(struct pg *pg, int64_t caller, int64_t server, int64_t after,
                             int limit, struct pg_result **ret_rows) {
    enum hum_status status = servers_get(pg, caller, server, NEED_MEMBER, NULL);

    return status == HUM_OK ? tx_status(store_members_list(pg, server, after, limit, ret_rows))
                            : status;
}

enum hum_status bans_list(struct pg *pg, int64_t caller, int64_t server, int64_t after, int limit,
                          struct pg_result **ret_rows) {
    enum hum_status status = servers_get(pg, caller, server, NEED_OWNER, NULL);

    return status == HUM_OK ? tx_status(store_bans_list(pg, server, after, limit, ret_rows))
                            : status;
}

enum hum_status bans_get(struct pg *pg, int64_t caller, int64_t server, int64_t user,
                         struct pg_result **ret_rows) {
    enum hum_status status = servers_get(pg, caller, server, NEED_OWNER, NULL);
    struct pg_result *rows;

    if (status == HUM_OK) {
        status = tx_status(store_ban_get(pg, server, user, &rows));
    }
    if (status != HUM_OK) {
        return status;
    }
    if (pg_rows(rows) == 0) {
        pg_result_free(rows);
        return HUM_NOT_FOUND;
    }
    *ret_rows = rows;
    return HUM_OK;
}

enum hum_status bans_lift(struct pg *pg, int64_t caller, int64_t server, int64_t user) {
    struct job job = {.caller = caller, .server = server, .user = user};

    return run(pg, lift_work, &job, NULL);
}
