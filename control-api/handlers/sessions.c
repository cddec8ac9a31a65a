#include "sessions.h"

#include "api.h"
#include "domain/password.h"
#include "domain/sessions.h"
#include "handlers/auth.h"
#include "handlers/list.h"

static void render_session(struct buf *out, const struct session_row *session, int64_t current) {
    buf_text(out, "{\"id\":");
    buf_json_id(out, session->id);
    buf_text(out, ",\"device\":{\"name\":");
    buf_json_string(out, session->device_name);
    buf_text(out, ",\"kind\":");
    buf_json_string(out, session->device_kind);
    buf_text(out, "},\"created_at\":");
    buf_json_time(out, session->created_at);
    buf_text(out, ",\"last_seen_at\":");
    buf_json_time(out, session->last_seen_at);
    buf_text(out, session->id == current ? ",\"current\":true}" : ",\"current\":false}");
}

enum hum_status handle_sessions_list(struct request *request, struct reply *reply) {
    int limit = query_limit(request, reply);
    int64_t after = 0;
    struct pg_result *rows;
    struct pg *pg;

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(sessions_list(pg, request->caller.user, after, limit + 1, &rows));
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    struct session_row session = {0};
    list_begin(&reply->body);
    for (size_t i = 0; i < shown; i++) {
        session = store_session_at(rows, i);
        list_item(&reply->body, i);
        render_session(&reply->body, &session, request->caller.session);
    }
    list_end_id(&reply->body, found > shown ? session.id : 0);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_session_end(struct request *request, struct reply *reply) {
    (void)reply;
    return sessions_end(&request->api->auth, &request->lease, request->caller.user, request->id[0]);
}

enum hum_status handle_password_change(struct request *request, struct reply *reply) {
    struct str old = {0}, wanted = {0};

    body_text(request, reply, "old", OPTIONAL, 1, PASSWORD_MAX, &old);
    body_text(request, reply, "new", REQUIRED, PASSWORD_MIN, PASSWORD_MAX, &wanted);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(
        reply_limited(reply, throttle_password(request->api->throttle, request->caller.session)));
    enum hum_status status =
        password_change(&request->api->auth, &request->lease, request->caller.user,
                        request->caller.session, old, wanted);
    return status == HUM_INVALID_CREDENTIALS
               ? reply_problem(reply, status, "The old password is wrong")
               : reply_proof(reply, status, "old");
}
