#include "channels.h"

#include "servers.h"
#include "store/jobs.h"
#include "store/notify.h"
#include "store/run.h"
#include "tx.h"

enum { DATA_MAX = 4096 };

struct job {
    int64_t caller;
    int64_t server;
    int64_t id;
    struct str name; /* of one that is made */
    struct server_view view;
    struct pg_result *found; /* what channel is made of */
    struct channel channel;
    struct pg_result *rows; /* the channel afterwards */
};

static enum hum_status run(struct pg *pg, tx_fn work, struct job *job,
                           struct pg_result **ret_rows) {
    enum hum_status status = tx_run(pg, work, job);

    pg_result_free(job->view.rows);
    pg_result_free(job->found);
    if (status == HUM_OK && ret_rows) {
        *ret_rows = job->rows;
    } else {
        pg_result_free(job->rows); /* of work that could not be committed */
    }
    return status;
}

static enum pg_outcome record(struct pg *pg, const char *kind, int64_t actor, int64_t server,
                              int64_t channel) {
    return server_record(pg, &(struct server_event){
                                 .kind = kind,
                                 .actor = actor,
                                 .server = server,
                                 .channel = channel,
                             });
}

static enum pg_outcome show(struct pg *pg, struct job *job) {
    pg_result_free(job->rows);
    job->rows = NULL;
    return store_channel_get(pg, job->caller, job->id, &job->rows);
}

static struct server_row server_of(const struct channel *channel) {
    return (struct server_row){
        .id = channel->server,
        .owner = channel->owner,
        .public = channel->public,
        .member = channel->visible,
    };
}

/* Looks job->channel up. hold: it stays until the transaction ends. */
static enum pg_outcome find(struct pg *pg, struct job *job, bool hold, enum server_need need,
                            enum hum_status *ret_status) {
    pg_result_free(job->found);
    job->found = NULL;
    PG_TRY(hold ? store_channel_hold(pg, job->caller, job->id, &job->found)
                : store_channel_get(pg, job->caller, job->id, &job->found));
    if (pg_rows(job->found) == 0) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    job->channel = store_channel_at(job->found, 0);
    struct server_row server = server_of(&job->channel);
    *ret_status = server_verdict(&server, job->caller, need);
    return PG_DONE;
}

static enum pg_outcome create_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    int64_t count;

    PG_TRY(server_hold(pg, job->caller, job->server, NEED_OWNER, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_place_lock(pg, job->server)); /* two that are made at once are counted in turn */
    PG_TRY(store_channels_count(pg, job->server, &count));
    if (count >= CHANNELS_MAX) {
        *ret_status = HUM_LIMIT_REACHED;
        return PG_DONE;
    }
    PG_TRY(store_channel_insert(pg, job->server, job->name, &job->id));
    PG_TRY(record(pg, "ChannelCreated", job->caller, job->server, job->id));
    return show(pg, job);
}

/* What those in it will be told. */
static enum pg_outcome leave_job(struct pg *pg, const struct job *job) {
    struct buf data;

    buf_init(&data, DATA_MAX);
    buf_text(&data, "{\"reason\":\"deleted\"");
    server_write_named(&data, "channel", job->id, job->channel.name);
    server_write_named(&data, "server", job->channel.server, job->channel.server_name);
    buf_text(&data, "}");
    enum pg_outcome outcome = data.failed
                                  ? PG_FAILED
                                  : store_job_insert(pg, JOB_CHANNEL_GONE, job->id, job->caller,
                                                     (struct str){data.data, data.len});
    buf_free(&data);
    return outcome;
}

static enum pg_outcome delete_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    bool deleted;

    PG_TRY(find(pg, job, false, NEED_OWNER, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(server_hold(pg, job->caller, job->channel.server, NEED_OWNER, &job->view, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_channel_delete(pg, job->id, &deleted));
    if (!deleted) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    PG_TRY(notify_gone(pg, job->id));
    PG_TRY(leave_job(pg, job));
    return record(pg, "ChannelDeleted", job->caller, job->channel.server, job->id);
}

enum pg_outcome channel_left(struct pg *pg, int64_t actor, int64_t user,
                             const struct place *place) {
    PG_TRY(notify_channel(pg, user, place->server, place->channel, RIGHTS_NONE, 0));
    return server_record(pg, &(struct server_event){
                                 .kind = "ChannelLeft",
                                 .actor = actor,
                                 .server = place->server,
                                 .channel = place->channel,
                                 .user = user,
                             });
}

/* The caller's place is locked, and is another. */
static enum pg_outcome move(struct pg *pg, const struct job *job, const struct place *from) {
    const struct channel *channel = &job->channel;

    if (from->channel != 0 && !from->gone) {
        PG_TRY(channel_left(pg, job->caller, job->caller, from));
    }
    PG_TRY(store_place_set(pg, job->caller, channel->server, channel->id));
    PG_TRY(notify_channel(pg, job->caller, channel->server, channel->id, RIGHTS_READ_AND_SEND,
                          channel->last_seq));
    return record(pg, "ChannelJoined", job->caller, channel->server, channel->id);
}

static enum pg_outcome join_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct job *job = arg;
    struct place place;
    bool member;

    PG_TRY(find(pg, job, true, NEED_MEMBER, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(store_place_lock(pg, job->caller));
    /* Who leaves the server takes that lock, too. */
    PG_TRY(store_is_member(pg, job->channel.server, job->caller, &member));
    if (!member) {
        *ret_status = job->channel.public ? HUM_FORBIDDEN : HUM_NOT_FOUND;
        return PG_DONE;
    }
    PG_TRY(store_place_get(pg, job->caller, &place));
    if (place.channel != job->id) {
        PG_TRY(move(pg, job, &place));
    }
    return show(pg, job);
}

static enum pg_outcome leave_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct job *job = arg;
    struct place place;

    PG_TRY(store_place_lock(pg, job->caller));
    PG_TRY(store_place_get(pg, job->caller, &place));
    if (place.channel != job->id || place.gone) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    PG_TRY(store_place_clear(pg, job->caller));
    return channel_left(pg, job->caller, job->caller, &place);
}

enum hum_status channels_create(struct pg *pg, int64_t caller, int64_t server, struct str name,
                                struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .server = server, .name = name};

    return run(pg, create_work, &job, ret_rows);
}

enum hum_status channels_list(struct pg *pg, int64_t caller, int64_t server, int64_t after,
                              int limit, struct pg_result **ret_rows) {
    enum hum_status status = servers_get(pg, caller, server, NEED_MEMBER, NULL);

    return status == HUM_OK
               ? tx_status(store_channels_list(pg, caller, server, after, limit, ret_rows))
               : status;
}

enum hum_status channels_delete(struct pg *pg, int64_t caller, int64_t channel) {
    struct job job = {.caller = caller, .id = channel};

    return run(pg, delete_work, &job, NULL);
}

enum hum_status channels_join(struct pg *pg, int64_t caller, int64_t channel,
                              struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .id = channel};

    return run(pg, join_work, &job, ret_rows);
}

enum hum_status channels_leave(struct pg *pg, int64_t caller, int64_t channel) {
    struct job job = {.caller = caller, .id = channel};

    return run(pg, leave_work, &job, NULL);
}

enum hum_status channels_members(struct pg *pg, int64_t caller, int64_t channel, int64_t after,
                                 int limit, struct pg_result **ret_rows) {
    struct job job = {.caller = caller, .id = channel};
    enum hum_status verdict = HUM_OK;
    enum hum_status status = tx_status(find(pg, &job, false, NEED_MEMBER, &verdict));

    pg_result_free(job.found);
    if (status != HUM_OK || verdict != HUM_OK) {
        return status != HUM_OK ? status : verdict;
    }
    return tx_status(store_channel_members(pg, channel, after, limit, ret_rows));
}
