#include "rooms.h"

#include "domain/rooms.h"
#include "handlers/list.h"
#include "topic.h"

static void add_number(struct buf *out, const char *before, int64_t number) {
    buf_text(out, before);
    buf_int(out, number);
}

void render_room(struct buf *out, const struct room *room) {
    char topic[TOPIC_MAX];

    topic_room(topic, (enum room_kind)room->kind, room->id, room->server);
    buf_text(out, "{\"id\":");
    buf_json_id(out, room->id);
    buf_text(out, ",\"kind\":");
    buf_json_string(out, str_of(room_kind_name(room->kind)));
    buf_text(out, ",\"topic\":");
    buf_json_string(out, str_of(topic));
    buf_text(out, ",\"title\":");
    if (room->title.data) {
        buf_json_string(out, room->title);
    } else {
        buf_text(out, "null");
    }
    add_number(out, ",\"last_seq\":", room->last_seq);
    add_number(out, ",\"read_seq\":", room->read_seq);
    add_number(out, ",\"unread\":", room->unread);
    buf_text(out, room->can_send ? ",\"can_send\":true" : ",\"can_send\":false");
    if (room->peer) {
        buf_text(out, ",\"peer_id\":");
        buf_json_id(out, room->peer);
        add_number(out, ",\"peer_read_seq\":", room->peer_read_seq);
    }
    buf_text(out, "}");
}

enum hum_status handle_room_get(struct request *request, struct reply *reply) {
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(rooms_get(pg, request->caller.user, request->id[0], &rows));
    struct room room = store_room_at(rows, 0);
    render_room(&reply->body, &room);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_rooms_list(struct request *request, struct reply *reply) {
    int64_t after = 0;
    struct pg_result *rows;
    struct pg *pg;
    int limit = query_limit(request, reply);

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(rooms_list(pg, request->caller.user, after, limit + 1, &rows));
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    struct room room = {0};
    list_begin(&reply->body);
    for (size_t i = 0; i < shown; i++) {
        room = store_room_at(rows, i);
        list_item(&reply->body, i);
        render_room(&reply->body, &room);
    }
    list_end_id(&reply->body, found > shown ? room.id : 0);
    pg_result_free(rows);
    return HUM_OK;
}

static enum hum_status mark_read(struct request *request, struct reply *reply, int64_t room) {
    int64_t seq = 0;
    struct pg *pg;

    body_int(request, reply, "seq", REQUIRED, 0, INT64_MAX, &seq);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    return rooms_read(pg, request->caller.user, room, seq);
}

enum hum_status handle_room_read(struct request *request, struct reply *reply) {
    return mark_read(request, reply, request->id[0]);
}

enum hum_status handle_notifications_read(struct request *request, struct reply *reply) {
    return mark_read(request, reply, request->caller.user);
}
