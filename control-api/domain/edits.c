#include "edits.h"

#include "messages.h"
#include "rooms.h"
#include "servers.h"
#include "store/channels.h"
#include "store/events.h"
#include "store/notify.h"
#include "store/run.h"
#include "tx.h"

enum { DATA_MAX = 256 };

struct edit_job {
    struct amendment amendment;
    struct room_access room;
    struct pg_result *rows; /* the text afterwards */
};

static enum hum_status status_of(enum amend_verdict verdict) {
    switch (verdict) {
    case AMENDED:
    case AMEND_NOTHING:
        return HUM_OK;
    case AMEND_CONFLICT:
        return HUM_CONFLICT;
    case AMEND_NO_TEXT:
        return HUM_NOT_FOUND;
    case AMEND_NOT_OWN:
        return HUM_FORBIDDEN;
    case AMEND_DELETED:
        return HUM_MESSAGE_DELETED;
    }
    return HUM_INTERNAL;
}

static enum pg_outcome record(struct pg *pg, const struct amendment *done, int64_t entry) {
    const char *kind = done->text.data ? "MessageEdited" : "MessageDeleted";
    struct buf data;

    buf_init(&data, DATA_MAX);
    buf_text(&data, "{\"seq\":");
    buf_int(&data, done->target);
    buf_text(&data, ",\"entry\":");
    buf_int(&data, entry);
    buf_text(&data, "}");
    enum pg_outcome outcome = data.failed ? PG_FAILED
                                          : store_event(pg, kind, done->sender, done->room,
                                                        (struct str){data.data, data.len});
    buf_free(&data);
    return outcome;
}

static enum pg_outcome amend(struct pg *pg, const struct amendment *amendment,
                             enum hum_status *ret_status) {
    enum amend_verdict verdict;
    int64_t entry;

    PG_TRY(store_amend(pg, amendment, &verdict, &entry));
    *ret_status = status_of(verdict);
    if (verdict != AMENDED) {
        return PG_DONE;
    }
    PG_TRY(record(pg, amendment, entry));
    return notify_room(pg, amendment->room, entry);
}

static enum pg_outcome change_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct edit_job *job = arg;
    const struct amendment *amendment = &job->amendment;

    pg_result_free(job->rows);
    job->rows = NULL;
    PG_TRY(messages_may_send(pg, amendment->sender, &job->room, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    PG_TRY(amend(pg, amendment, ret_status));
    if (*ret_status != HUM_OK) {
        return PG_DONE;
    }
    return store_message_get(pg, amendment->room, amendment->target, &job->rows);
}

enum hum_status edits_change(struct pg *pg, int64_t caller, int64_t room, int64_t seq,
                             struct str text, struct str nonce, struct pg_result **ret_rows) {
    struct edit_job job = {
        .amendment = {.room = room, .target = seq, .sender = caller, .nonce = nonce, .text = text},
    };
    enum hum_status status = rooms_access(pg, caller, room, &job.room);

    if (status != HUM_OK) {
        return status;
    }
    if (job.room.kind == ROOM_INBOX) {
        return HUM_NOT_FOUND;
    }
    status = tx_run(pg, change_work, &job);
    if (status != HUM_OK) {
        pg_result_free(job.rows);
        return status;
    }
    *ret_rows = job.rows;
    return HUM_OK;
}

/* The channel's reader or its server's owner, who need not be in it. False: neither, or no channel
 * at all. */
static enum pg_outcome hold_channel(struct pg *pg, struct amendment *amendment, bool *ret_may) {
    struct pg_result *rows;

    *ret_may = false;
    PG_TRY(store_channel_hold(pg, amendment->sender, amendment->room, &rows));
    if (pg_rows(rows) > 0) {
        struct channel channel = store_channel_at(rows, 0);

        amendment->any = channel.owner == amendment->sender;
        *ret_may = channel.joined || amendment->any;
    }
    pg_result_free(rows);
    return PG_DONE;
}

static enum pg_outcome hold_server(struct pg *pg, struct amendment *amendment, bool *ret_may) {
    struct server_view view = {0};
    enum hum_status status = HUM_OK;
    enum pg_outcome outcome =
        server_hold(pg, amendment->sender, amendment->room, NEED_MEMBER, &view, &status);

    *ret_may = outcome == PG_DONE && status == HUM_OK;
    amendment->any = *ret_may && view.server.owner == amendment->sender;
    pg_result_free(view.rows);
    return outcome;
}

/* Whether the caller may delete in the room, and what. A server or channel stays until the end of
 * the transaction. */
static enum pg_outcome may_delete(struct pg *pg, struct edit_job *job, bool *ret_may) {
    struct amendment *amendment = &job->amendment;

    switch ((enum room_kind)job->room.kind) {
    case ROOM_DM:
        *ret_may = true;
        return PG_DONE;
    case ROOM_SERVER:
        return hold_server(pg, amendment, ret_may);
    case ROOM_CHANNEL:
        return hold_channel(pg, amendment, ret_may);
    case ROOM_INBOX:
        break;
    }
    *ret_may = false;
    return PG_DONE;
}

static enum pg_outcome delete_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct edit_job *job = arg;
    bool may;

    PG_TRY(may_delete(pg, job, &may));
    if (!may) {
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    }
    return amend(pg, &job->amendment, ret_status);
}

enum hum_status edits_delete(struct pg *pg, int64_t caller, int64_t room, int64_t seq) {
    struct edit_job job = {.amendment = {.room = room, .target = seq, .sender = caller}};
    enum hum_status status = rooms_access(pg, caller, room, &job.room);

    if (status == HUM_NOT_FOUND) {
        job.room.kind = ROOM_CHANNEL; /* one that the server's owner is not in, perhaps */
    } else if (status != HUM_OK) {
        return status;
    }
    return tx_run(pg, delete_work, &job);
}
