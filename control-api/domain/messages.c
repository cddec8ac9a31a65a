#include "messages.h"

#include "rooms.h"
#include "servers.h"
#include "store/channels.h"
#include "store/friends.h"
#include "store/notify.h"
#include "store/run.h"
#include "tx.h"

struct send_job {
    const struct send_request *send;
    int64_t caller;
    struct room_access room;
    struct sent sent;
};

static enum pg_outcome may_send_dm(struct pg *pg, int64_t caller, const struct room_access *room,
                                   enum hum_status *ret_status) {
    bool friends;

    PG_TRY(store_pair_lock_shared(pg, caller, room->other));
    PG_TRY(store_are_friends(pg, caller, room->other, &friends));
    if (!friends) {
        *ret_status = HUM_NOT_FRIENDS;
    }
    return PG_DONE;
}

static enum pg_outcome may_send_server(struct pg *pg, int64_t caller,
                                       const struct room_access *room,
                                       enum hum_status *ret_status) {
    struct server_view view = {0};
    enum pg_outcome outcome = server_hold(pg, caller, room->id, NEED_OWNER, &view, ret_status);

    pg_result_free(view.rows);
    return outcome;
}

static enum pg_outcome may_send_channel(struct pg *pg, int64_t caller,
                                        const struct room_access *room,
                                        enum hum_status *ret_status) {
    struct place place;

    PG_TRY(store_place_hold(pg, caller, &place));
    if (place.channel != room->id || place.gone) {
        *ret_status = HUM_NOT_FOUND;
    }
    return PG_DONE;
}

enum pg_outcome messages_may_send(struct pg *pg, int64_t caller, const struct room_access *room,
                                  enum hum_status *ret_status) {
    switch ((enum room_kind)room->kind) {
    case ROOM_DM:
        return may_send_dm(pg, caller, room, ret_status);
    case ROOM_SERVER:
        return may_send_server(pg, caller, room, ret_status);
    case ROOM_CHANNEL:
        return may_send_channel(pg, caller, room, ret_status);
    case ROOM_INBOX:
        break;
    }
    *ret_status = HUM_FORBIDDEN;
    return PG_DONE;
}

static enum pg_outcome take_original(struct pg *pg, struct sent *sent) {
    PG_TRY(store_message_get(pg, sent->message.room, sent->message.seq, &sent->rows));
    if (pg_rows(sent->rows) == 0) {
        return PG_FAILED;
    }
    sent->known = true;
    sent->message = store_message_at(sent->rows, 0);
    return PG_DONE;
}

static enum pg_outcome append(struct pg *pg, struct send_job *job, enum hum_status *ret_status) {
    struct message *message = &job->sent.message;
    enum append_verdict verdict;

    PG_TRY(store_append(pg, message, &verdict));
    switch (verdict) {
    case APPENDED:
        return notify_room(pg, message->room, message->seq);
    case APPEND_KNOWN:
        return take_original(pg, &job->sent);
    case APPEND_NO_ROOM:
        *ret_status = HUM_NOT_FOUND;
        return PG_DONE;
    case APPEND_NO_REF:
        *ret_status = HUM_INVALID_PAYLOAD;
        return PG_DONE;
    }
    return PG_FAILED;
}

static enum pg_outcome send_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct send_job *job = arg;

    pg_result_free(job->sent.rows);
    job->sent = (struct sent){
        .message = {.room = job->room.id,
                    .from = job->caller,
                    .kind = MESSAGE_TEXT,
                    .ref = job->send->reply_to,
                    .nonce = str_of(job->send->nonce),
                    .text = job->send->text},
    };
    PG_TRY(messages_may_send(pg, job->caller, &job->room, ret_status));
    return *ret_status == HUM_OK ? append(pg, job, ret_status) : PG_DONE;
}

enum hum_status messages_send(struct pg *pg, int64_t caller, int64_t room,
                              const struct send_request *send, struct sent *ret) {
    struct send_job job = {.send = send, .caller = caller};
    enum hum_status status = rooms_access(pg, caller, room, &job.room);

    if (status != HUM_OK) {
        return status;
    }
    status = tx_run(pg, send_work, &job);
    if (status != HUM_OK) {
        pg_result_free(job.sent.rows);
        return status;
    }
    *ret = job.sent;
    return HUM_OK;
}

enum hum_status messages_page(struct pg *pg, int64_t caller, int64_t room,
                              enum page_direction direction, int64_t seq, int limit,
                              struct pg_result **ret_rows) {
    struct room_access access;
    enum hum_status status = rooms_access(pg, caller, room, &access);

    if (status != HUM_OK) {
        return status;
    }
    return tx_status(direction == PAGE_AFTER
                         ? store_messages_after(pg, room, seq, limit + 1, ret_rows)
                         : store_messages_before(pg, room, seq, limit + 1, ret_rows));
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static void take_access(struct sync_room *room, const struct room_access *list, size_t count) {
    room->found = false;
    room->upto = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i].id == room->id) {
            room->found = true;
            room->upto = list[i].last_seq;
            return;
        }
    }
}

/* Marks those of rooms that the caller may read; their upto becomes the end of the room. */
static enum hum_status find_rooms(struct pg *pg, int64_t caller, struct sync_room *rooms,
                                  size_t count) {
    struct room_access access[SYNC_ROOMS_MAX];
    int64_t ids[SYNC_ROOMS_MAX] = {0};
    size_t found;

    for (size_t i = 0; i < count; i++) {
        ids[i] = rooms[i].id;
    }
    enum hum_status status = tx_status(store_rooms_access(pg, caller, ids, count, access, &found));
    for (size_t i = 0; status == HUM_OK && i < count; i++) {
        take_access(&rooms[i], access, found);
    }
    return status;
}

/* Cuts upto down to what one answer holds. Every room gets an equal share; what some do not need of
 * theirs goes to the others, in order. */
static void share_out(struct sync_room *rooms, size_t count) {
    int64_t left = SYNC_MESSAGES_MAX, share = SYNC_MESSAGES_MAX / (int64_t)(count ? count : 1);
    int64_t ends[SYNC_ROOMS_MAX];

    for (size_t i = 0; i < count; i++) {
        int64_t lacks = rooms[i].found && rooms[i].upto > rooms[i].after
                            ? smaller(rooms[i].upto - rooms[i].after, SYNC_MESSAGES_MAX)
                            : 0;

        ends[i] = rooms[i].upto;
        rooms[i].upto = rooms[i].after + smaller(lacks, share);
        left -= smaller(lacks, share);
    }
    for (size_t i = 0; i < count; i++) {
        if (rooms[i].found && ends[i] > rooms[i].upto) {
            int64_t more = smaller(ends[i] - rooms[i].upto, left);

            rooms[i].upto += more;
            left -= more;
        }
        rooms[i].done = rooms[i].upto >= ends[i];
    }
}

enum hum_status messages_sync(struct pg *pg, int64_t caller, struct sync_room *rooms, size_t count,
                              struct pg_result **ret_rows) {
    int64_t ids[SYNC_ROOMS_MAX] = {0}, after[SYNC_ROOMS_MAX] = {0}, upto[SYNC_ROOMS_MAX] = {0};
    size_t lacking = 0;

    if (count > SYNC_ROOMS_MAX) {
        return HUM_INVALID_REQUEST;
    }
    enum hum_status status = find_rooms(pg, caller, rooms, count);
    if (status != HUM_OK) {
        return status;
    }
    share_out(rooms, count);
    for (size_t i = 0; i < count; i++) {
        if (rooms[i].upto > rooms[i].after) {
            ids[lacking] = rooms[i].id;
            after[lacking] = rooms[i].after;
            upto[lacking++] = rooms[i].upto;
        }
    }
    return tx_status(store_messages_between(pg, ids, after, upto, lacking, ret_rows));
}
