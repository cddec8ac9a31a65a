#include "channels.h"

#include "domain/channels.h"
#include "handlers/list.h"
#include "handlers/members.h"
#include "handlers/servers.h"
#include "topic.h"

static void render_channel(struct buf *out, const struct channel *channel) {
    char topic[TOPIC_MAX];

    topic_room(topic, ROOM_CHANNEL, channel->id, channel->server);
    buf_text(out, "{\"id\":");
    buf_json_id(out, channel->id);
    buf_text(out, ",\"server_id\":");
    buf_json_id(out, channel->server);
    buf_text(out, ",\"name\":");
    buf_json_string(out, channel->name);
    buf_text(out, ",\"topic\":");
    buf_json_string(out, str_of(topic));
    buf_text(out, channel->joined ? ",\"joined\":true" : ",\"joined\":false");
    buf_text(out, ",\"created_at\":");
    buf_json_time(out, channel->created_at);
    buf_text(out, "}");
}

static void answer_channel(struct reply *reply, struct pg_result *rows) {
    struct channel channel = store_channel_at(rows, 0);

    render_channel(&reply->body, &channel);
    pg_result_free(rows);
}

enum hum_status handle_channel_create(struct request *request, struct reply *reply) {
    struct str name = {NULL, 0};
    struct pg_result *rows;
    struct pg *pg;

    body_name(request, reply, REQUIRED, &name);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(channels_create(pg, request->caller.user, request->id[0], name, &rows));
    reply->http = 201;
    answer_channel(reply, rows);
    return HUM_OK;
}

enum hum_status handle_channels_list(struct request *request, struct reply *reply) {
    int limit = query_limit(request, reply);
    int64_t after = 0;
    struct pg_result *rows;
    struct pg *pg;

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(channels_list(pg, request->caller.user, request->id[0], after, limit + 1, &rows));
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    struct channel channel = {0};
    list_begin(&reply->body);
    for (size_t i = 0; i < shown; i++) {
        channel = store_channel_at(rows, i);
        list_item(&reply->body, i);
        render_channel(&reply->body, &channel);
    }
    list_end_id(&reply->body, found > shown ? channel.id : 0);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_channel_delete(struct request *request, struct reply *reply) {
    struct pg *pg;

    (void)reply;
    HTTP_TRY(request_pg(request, &pg));
    return channels_delete(pg, request->caller.user, request->id[0]);
}

enum hum_status handle_channel_join(struct request *request, struct reply *reply) {
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(channels_join(pg, request->caller.user, request->id[0], &rows));
    answer_channel(reply, rows);
    return HUM_OK;
}

enum hum_status handle_channel_leave(struct request *request, struct reply *reply) {
    struct pg *pg;

    (void)reply;
    HTTP_TRY(request_pg(request, &pg));
    return channels_leave(pg, request->caller.user, request->id[0]);
}

enum hum_status handle_channel_members(struct request *request, struct reply *reply) {
    int limit = query_limit(request, reply);
    int64_t after = 0;
    struct pg_result *rows;
    struct pg *pg;

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(channels_members(pg, request->caller.user, request->id[0], after, limit + 1, &rows));
    answer_members(request, reply, rows, limit);
    return HUM_OK;
}
