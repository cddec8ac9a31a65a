#include "sync.h"

#include "domain/messages.h"
#include "handlers/list.h"

/* Bytes of an answer past which no further message is put in; the rest is "done": false. */
enum { SYNC_BYTES = 4 * 1024 * 1024 };

/* {"123":41}: the last number known of each room. */
static size_t read_rooms(struct request *request, struct reply *reply, struct sync_room *ret) {
    json_t *object = NULL, *value;
    const char *id;
    size_t count = 0;

    body_object(request, reply, "rooms", REQUIRED, &object);
    if (json_object_size(object) > SYNC_ROOMS_MAX) {
        reply_field(reply, "rooms", "may hold 200 rooms");
        return 0;
    }
    json_object_foreach(object, id, value) {
        if (!str_id(str_of(id), &ret[count].id)) {
            reply_field(reply, "rooms", "must have ids as names");
            return 0;
        }
        if (!json_is_integer(value) || json_integer_value(value) < 0) {
            reply_field(reply, "rooms", "must have numbers of messages as values");
            return 0;
        }
        ret[count++].after = json_integer_value(value);
    }
    return count;
}

/* Takes the room's rows from *next on. */
static void render_room_items(struct buf *out, const struct sync_room *room,
                              const struct pg_result *rows, size_t *next) {
    size_t shown = 0, left_out = 0;

    buf_json_id(out, room->id);
    buf_text(out, ":{\"items\":[");
    for (; *next < pg_rows(rows); (*next)++) {
        struct message message = store_message_at(rows, *next);

        if (message.room != room->id) {
            break;
        }
        if (left_out || out->len > SYNC_BYTES) {
            left_out++;
            continue;
        }
        list_item(out, shown++);
        message_json(out, &message);
    }
    buf_text(out, room->done && !left_out ? "],\"done\":true}" : "],\"done\":false}");
}

static void render_sync(struct buf *out, const struct sync_room *rooms, size_t count,
                        const struct pg_result *rows) {
    size_t next = 0, found = 0, missing = 0;

    buf_text(out, "{\"rooms\":{");
    for (size_t i = 0; i < count; i++) {
        if (rooms[i].found) {
            list_item(out, found++);
            render_room_items(out, &rooms[i], rows, &next);
        }
    }
    buf_text(out, "},\"missing\":[");
    for (size_t i = 0; i < count; i++) {
        if (!rooms[i].found) {
            list_item(out, missing++);
            buf_json_id(out, rooms[i].id);
        }
    }
    buf_text(out, "]}");
}

enum hum_status handle_sync(struct request *request, struct reply *reply) {
    struct sync_room rooms[SYNC_ROOMS_MAX] = {0};
    size_t count = read_rooms(request, reply, rooms);
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(messages_sync(pg, request->caller.user, rooms, count, &rows));
    render_sync(&reply->body, rooms, count, rows);
    pg_result_free(rows);
    return HUM_OK;
}
