#include "members.h"

#include "domain/members.h"
#include "handlers/list.h"
#include "handlers/servers.h"
#include "handlers/users.h"

enum hum_status handle_member_join(struct request *request, struct reply *reply) {
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(members_join(pg, request->caller.user, request->id[0], &rows));
    answer_server(reply, rows, request->caller.user);
    return HUM_OK;
}

enum hum_status handle_member_leave(struct request *request, struct reply *reply) {
    struct pg *pg;

    (void)reply;
    HTTP_TRY(request_pg(request, &pg));
    return members_leave(pg, request->caller.user, request->id[0]);
}

/* what: the name of since. */
static void render_person(struct buf *out, const struct api *api, const struct member *member,
                          const char *what) {
    buf_text(out, "{\"user\":");
    render_user(out, api, &member->user, false);
    buf_text(out, ",\"");
    buf_text(out, what);
    buf_text(out, "\":");
    buf_json_time(out, member->since);
}

static void render_member(struct buf *out, const struct api *api, const struct member *member) {
    render_person(out, api, member, "joined_at");
    buf_text(out, member->owner ? ",\"role\":\"owner\"}" : ",\"role\":\"member\"}");
}

static void render_ban(struct buf *out, const struct api *api, const struct member *member) {
    render_person(out, api, member, "banned_at");
    buf_text(out, "}");
}

typedef void (*render_fn)(struct buf *out, const struct api *api, const struct member *member);

static void answer_people(const struct request *request, struct reply *reply,
                          struct pg_result *rows, int limit, render_fn render) {
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    struct member member = {0};

    list_begin(&reply->body);
    for (size_t i = 0; i < shown; i++) {
        member = store_member_at(rows, i);
        list_item(&reply->body, i);
        render(&reply->body, request->api, &member);
    }
    list_end_id(&reply->body, found > shown ? member.user.id : 0);
    pg_result_free(rows);
}

void answer_members(const struct request *request, struct reply *reply, struct pg_result *rows,
                    int limit) {
    answer_people(request, reply, rows, limit, render_member);
}

enum hum_status handle_members_list(struct request *request, struct reply *reply) {
    int limit = query_limit(request, reply);
    int64_t after = 0;
    struct pg_result *rows;
    struct pg *pg;

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(members_list(pg, request->caller.user, request->id[0], after, limit + 1, &rows));
    answer_members(request, reply, rows, limit);
    return HUM_OK;
}

enum hum_status handle_member_remove(struct request *request, struct reply *reply) {
    struct str ban = str_of("false");
    struct pg *pg;

    query_text(request, reply, "ban", &ban);
    bool banned = str_equal(ban, str_of("true"));
    if (!banned && !str_equal(ban, str_of("false"))) {
        reply_field(reply, "ban", "must be true or false");
    }
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    return members_remove(pg, request->caller.user, request->id[0], request->id[1], banned);
}

enum hum_status handle_bans_list(struct request *request, struct reply *reply) {
    int limit = query_limit(request, reply);
    int64_t after = 0;
    struct pg_result *rows;
    struct pg *pg;

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(bans_list(pg, request->caller.user, request->id[0], after, limit + 1, &rows));
    answer_people(request, reply, rows, limit, render_ban);
    return HUM_OK;
}

enum hum_status handle_ban_get(struct request *request, struct reply *reply) {
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(bans_get(pg, request->caller.user, request->id[0], request->id[1], &rows));
    struct member member = store_member_at(rows, 0);
    render_ban(&reply->body, request->api, &member);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_ban_lift(struct request *request, struct reply *reply) {
    struct pg *pg;

    (void)reply;
    HTTP_TRY(request_pg(request, &pg));
    return bans_lift(pg, request->caller.user, request->id[0], request->id[1]);
}
