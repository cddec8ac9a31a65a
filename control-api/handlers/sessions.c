#include "sessions.h"

#include "api.h"
#include "domain/introspect.h"
#include "domain/password.h"
#include "domain/sessions.h"
#include "handlers/auth.h"
#include "handlers/list.h"

enum { INTROSPECTED_MAX = 32 * 1024 }; /* what is longer is no token, and no question either */

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

/* RFC 7662, section 2.2. */
static void render_introspection(struct buf *out, const struct introspection *token) {
    buf_text(out, "{\"active\":true,\"token_type\":");
    buf_json_string(out, str_of(token->type));
    buf_text(out, ",\"iss\":\"" TOKEN_ISSUER "\",\"aud\":");
    buf_json_string(out, str_of(token->audience));
    buf_text(out, ",\"sub\":");
    buf_json_id(out, token->claims.user);
    buf_text(out, ",\"sid\":");
    buf_json_id(out, token->claims.session);
    buf_text(out, ",\"username\":");
    buf_json_string(out, token->nickname);
    buf_text(out, ",\"exp\":");
    buf_int(out, token->claims.expires_at);
    buf_text(out, ",\"iat\":");
    buf_int(out, token->claims.issued_at);
    buf_text(out, "}");
}

enum hum_status handle_introspect(struct request *request, struct reply *reply) {
    struct str token = {0};
    struct introspection found;

    body_text(request, reply, "token", REQUIRED, 1, INTROSPECTED_MAX, &token);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(introspect(&request->api->auth, &request->lease, token, &found));
    if (found.rows) {
        render_introspection(&reply->body, &found);
    } else {
        buf_text(&reply->body, "{\"active\":false}");
    }
    pg_result_free(found.rows);
    return HUM_OK;
}
