#include "invites.h"

#include "domain/invites.h"
#include "handlers/list.h"
#include "handlers/servers.h"
#include "handlers/users.h"

static void render_invite(struct buf *out, const struct api *api, const struct invite *invite) {
    buf_text(out, "{\"id\":");
    buf_json_id(out, invite->id);
    buf_text(out, ",\"server\":");
    render_server(out, &invite->server, invite->user);
    buf_text(out, ",\"user_id\":");
    buf_json_id(out, invite->user);
    buf_text(out, ",\"from\":");
    render_user(out, api, &invite->inviter, false);
    buf_text(out, ",\"created_at\":");
    buf_json_time(out, invite->created_at);
    buf_text(out, "}");
}

enum hum_status handle_invite_send(struct request *request, struct reply *reply) {
    struct pg_result *rows;
    int64_t user = 0;
    struct pg *pg;

    body_id(request, reply, "user_id", REQUIRED, &user);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(invites_send(pg, request->caller.user, request->id[0], user, &rows));
    struct invite invite = store_invite_at(rows, 0);
    reply->http = 201;
    render_invite(&reply->body, request->api, &invite);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_invites_list(struct request *request, struct reply *reply) {
    int limit = query_limit(request, reply);
    int64_t after = 0;
    struct pg_result *rows;
    struct pg *pg;

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(invites_list(pg, request->caller.user, after, limit + 1, &rows));
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    struct invite invite = {0};
    list_begin(&reply->body);
    for (size_t i = 0; i < shown; i++) {
        invite = store_invite_at(rows, i);
        list_item(&reply->body, i);
        render_invite(&reply->body, request->api, &invite);
    }
    list_end_id(&reply->body, found > shown ? invite.id : 0);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_invite_accept(struct request *request, struct reply *reply) {
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(invites_accept(pg, request->caller.user, request->id[0], &rows));
    answer_server(reply, rows, request->caller.user);
    return HUM_OK;
}

enum hum_status handle_invite_decline(struct request *request, struct reply *reply) {
    struct pg *pg;

    (void)reply;
    HTTP_TRY(request_pg(request, &pg));
    return invites_decline(pg, request->caller.user, request->id[0]);
}

enum hum_status handle_code_create(struct request *request, struct reply *reply) {
    int64_t max_uses = 0, max_age_s = CODE_AGE_DEFAULT_S;
    struct code code;
    struct pg *pg;

    body_int(request, reply, "max_uses", OPTIONAL, 1, CODE_USES_MAX, &max_uses);
    body_int(request, reply, "max_age_s", OPTIONAL, 1, CODE_AGE_MAX_S, &max_age_s);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(codes_create(pg, request->caller.user, request->id[0], max_uses, max_age_s, &code));
    reply->http = 201;
    buf_text(&reply->body, "{\"code\":");
    buf_json_string(&reply->body, str_of(code.text));
    buf_text(&reply->body, ",\"max_uses\":");
    if (max_uses) {
        buf_int(&reply->body, max_uses);
    } else {
        buf_text(&reply->body, "null");
    }
    buf_text(&reply->body, ",\"expires_at\":");
    buf_json_time(&reply->body, code.expires_at);
    buf_text(&reply->body, "}");
    return HUM_OK;
}

enum hum_status handle_code_redeem(struct request *request, struct reply *reply) {
    enum { CODE_SEGMENT = 2 }; /* of /v1/invite-codes/{code}/redeem */
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(
        codes_redeem(pg, request->caller.user, match_segment(request->path, CODE_SEGMENT), &rows));
    answer_server(reply, rows, request->caller.user);
    return HUM_OK;
}
