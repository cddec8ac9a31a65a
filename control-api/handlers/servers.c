#include "servers.h"

#include "domain/servers.h"
#include "handlers/list.h"
#include "handlers/place.h"
#include "topic.h"

void render_server(struct buf *out, const struct server_row *server, int64_t caller) {
    char topic[TOPIC_MAX];

    topic_room(topic, ROOM_SERVER, server->id, 0);
    buf_text(out, "{\"id\":");
    buf_json_id(out, server->id);
    buf_text(out, ",\"name\":");
    buf_json_string(out, server->name);
    buf_text(out, ",\"about\":");
    buf_json_string(out, server->about);
    buf_text(out, server->public ? ",\"visibility\":\"public\"" : ",\"visibility\":\"private\"");
    buf_text(out, ",\"owner_id\":");
    buf_json_id(out, server->owner);
    buf_text(out, server->owner == caller ? ",\"role\":\"owner\""
                  : server->member        ? ",\"role\":\"member\""
                                          : ",\"role\":null");
    buf_text(out, ",\"topic\":");
    buf_json_string(out, str_of(topic));
    buf_text(out, ",\"created_at\":");
    buf_json_time(out, server->created_at);
    buf_text(out, "}");
}

void answer_server(struct reply *reply, struct pg_result *rows, int64_t caller) {
    struct server_row server = store_server_at(rows, 0);

    render_server(&reply->body, &server, caller);
    pg_result_free(rows);
}

void body_name(const struct request *request, struct reply *reply, enum presence presence,
               struct str *ret) {
    struct str name = {NULL, 0};

    body_text(request, reply, "name", presence, 1, SERVER_NAME_MAX, &name);
    if (name.data && !server_name_fits(name)) {
        reply_field(reply, "name", "must have something to see, and no control characters");
    }
    *ret = name;
}

static int read_visibility(const struct request *request, struct reply *reply) {
    struct str visibility = {NULL, 0};

    body_text(request, reply, "visibility", OPTIONAL, 0, SIZE_MAX, &visibility);
    if (!visibility.data) {
        return -1;
    }
    bool public = str_equal(visibility, str_of("public"));
    if (!public && !str_equal(visibility, str_of("private"))) {
        reply_field(reply, "visibility", "must be public or private");
    }
    return public;
}

static struct server_change read_change(const struct request *request, struct reply *reply,
                                        enum presence presence) {
    struct server_change change = {0};

    body_name(request, reply, presence, &change.name);
    body_text(request, reply, "about", OPTIONAL, 0, SERVER_ABOUT_MAX, &change.about);
    change.public = read_visibility(request, reply);
    return change;
}

enum hum_status handle_server_create(struct request *request, struct reply *reply) {
    struct server_change change = read_change(request, reply, REQUIRED);
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(reply_verdict(reply));
    if (!change.about.data) {
        change.about = str_of("");
    }
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(servers_create(pg, request->caller.user, &change, &rows));
    reply->http = 201;
    answer_server(reply, rows, request->caller.user);
    return HUM_OK;
}

enum hum_status handle_server_get(struct request *request, struct reply *reply) {
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(servers_get(pg, request->caller.user, request->id[0], NEED_SIGHT, &rows));
    answer_server(reply, rows, request->caller.user);
    return HUM_OK;
}

enum hum_status handle_server_patch(struct request *request, struct reply *reply) {
    struct server_change change = read_change(request, reply, OPTIONAL);
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(servers_change(pg, request->caller.user, request->id[0], &change, &rows));
    answer_server(reply, rows, request->caller.user);
    return HUM_OK;
}

enum hum_status handle_server_delete(struct request *request, struct reply *reply) {
    struct pg *pg;

    (void)reply;
    HTTP_TRY(request_pg(request, &pg));
    return servers_delete(pg, request->caller.user, request->id[0]);
}

static int read_roles(struct request *request, struct reply *reply) {
    static const struct {
        const char *name;
        int roles;
    } names[] = {
        {"all", SERVER_OWNER | SERVER_MEMBER}, {"owner", SERVER_OWNER}, {"member", SERVER_MEMBER}};
    struct str name = str_of("all");

    query_text(request, reply, "role", &name);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_equal(name, str_of(names[i].name))) {
            return names[i].roles;
        }
    }
    reply_field(reply, "role", "must be all, owner or member");
    return 0;
}

enum hum_status handle_servers_list(struct request *request, struct reply *reply) {
    int roles = read_roles(request, reply), limit = query_limit(request, reply);
    int64_t after = 0;
    struct pg_result *rows;
    struct pg *pg;

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(servers_list(pg, request->caller.user, roles, after, limit + 1, &rows));
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    struct server_row server = {0};
    list_begin(&reply->body);
    for (size_t i = 0; i < shown; i++) {
        server = store_server_at(rows, i);
        list_item(&reply->body, i);
        render_server(&reply->body, &server, request->caller.user);
    }
    list_end_id(&reply->body, found > shown ? server.id : 0);
    pg_result_free(rows);
    return HUM_OK;
}

static void render_found(struct buf *out, const struct pg_result *rows, int limit, int64_t caller) {
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    struct server_row server = {0};

    list_begin(out);
    for (size_t i = 0; i < shown; i++) {
        server = store_server_at(rows, i);
        list_item(out, i);
        render_server(out, &server, caller);
    }
    if (found > shown) {
        list_end_place(out, &(struct search_place){server.rank, server.name_key, server.id});
    } else {
        list_end(out, (struct str){NULL, 0});
    }
}

enum hum_status handle_servers_search(struct request *request, struct reply *reply) {
    struct search_place after = {.key = {"", 0}};
    int limit = query_limit(request, reply);
    struct str typed = {"", 0};
    char place[PLACE_MAX];
    struct pg_result *rows;
    struct pg *pg;
    size_t chars = 0;

    query_text(request, reply, "q", &typed);
    query_place(request, reply, place, &after);
    if (!str_utf8(typed, &chars) || chars < 1 || chars > SERVER_NAME_MAX) {
        reply_field(reply, "q", "must have 1 to 100 characters");
    }
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(servers_search(pg, request->caller.user, typed, &after, limit + 1, &rows));
    render_found(&reply->body, rows, limit, request->caller.user);
    pg_result_free(rows);
    return HUM_OK;
}
