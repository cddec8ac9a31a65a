#include "users.h"

#include "api.h"
#include "domain/users.h"
#include "handlers/list.h"
#include "handlers/place.h"
#include "nickname.h"

static void render_avatar_url(struct buf *out, const struct api *api, const struct user *user) {
    if (!user->avatar.data) {
        buf_text(out, "null");
        return;
    }
    buf_text(out, "\"");
    buf_text(out, api->config.urls.api);
    buf_text(out, "/v1/users/");
    buf_int(out, user->id);
    buf_text(out, "/avatar?v=");
    buf_add(out, user->avatar.data, user->avatar.len);
    buf_text(out, "\"");
}

/* Nobody can pass for one of these: a nickname holds no space. */
static void render_deleted(struct buf *out, const struct user *user) {
    buf_text(out, "{\"id\":");
    buf_json_id(out, user->id);
    buf_text(out, ",\"nickname\":\"" USER_DELETED
                  "\",\"about\":\"\",\"avatar_url\":null,\"deleted\":true}");
}

void render_user(struct buf *out, const struct api *api, const struct user *user, bool own) {
    if (!user->nickname.data) {
        render_deleted(out, user);
        return;
    }
    buf_text(out, "{\"id\":");
    buf_json_id(out, user->id);
    buf_text(out, ",\"nickname\":");
    buf_json_string(out, user->nickname);
    buf_text(out, ",\"about\":");
    buf_json_string(out, user->about);
    buf_text(out, ",\"avatar_url\":");
    render_avatar_url(out, api, user);
    if (own) {
        buf_text(out, ",\"email\":");
        buf_json_string(out, user->email);
        buf_text(out, user->email_verified ? ",\"email_verified\":true,\"created_at\":"
                                           : ",\"email_verified\":false,\"created_at\":");
        buf_json_time(out, user->created_at);
    }
    buf_text(out, "}");
}

enum hum_status answer_user(struct request *request, struct reply *reply, int64_t id) {
    struct pg *pg;
    struct pg_result *rows;
    bool own = id == request->caller.user;

    HTTP_TRY(request_pg(request, &pg));
    enum hum_status status = own ? users_get(pg, id, &rows) : users_get_any(pg, id, &rows);
    if (own && status == HUM_NOT_FOUND) { /* erased since the guard has let them in */
        return HUM_UNAUTHORIZED;
    }
    HTTP_TRY(status);
    struct user user = store_user_at(rows, 0);
    render_user(&reply->body, request->api, &user, own);
    pg_result_free(rows);
    return HUM_OK;
}

/* The call that every client makes at its start. */
enum hum_status handle_me_get(struct request *request, struct reply *reply) {
    struct pg_result *rows;

    lease_return(&request->lease); /* of the look at the session, now and then */
    enum hum_status status = users_read(request->api->reads, request->caller.user, &rows);
    if (status == HUM_NOT_FOUND) { /* erased since the guard has let them in */
        return HUM_UNAUTHORIZED;
    }
    HTTP_TRY(status);
    struct user user = store_user_at(rows, 0);
    render_user(&reply->body, request->api, &user, true);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_user_get(struct request *request, struct reply *reply) {
    return answer_user(request, reply, request->id[0]);
}

enum hum_status handle_me_patch(struct request *request, struct reply *reply) {
    struct str nickname = {NULL, 0}, about = {NULL, 0};
    struct profile_change change = {0};
    const char *why;
    struct pg *pg;

    body_text(request, reply, "nickname", OPTIONAL, 0, SIZE_MAX, &nickname);
    body_text(request, reply, "about", OPTIONAL, 0, ABOUT_MAX, &about);
    if (nickname.data &&
        nickname_prepare(nickname, &change.nickname, &change.nickname_key, &why) != HUM_OK) {
        reply_field(reply, "nickname", why);
    }
    HTTP_TRY(reply_verdict(reply));
    change.about = about;
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(users_change_profile(pg, request->caller.user, &change));
    return answer_user(request, reply, request->caller.user);
}

static void render_found(struct buf *out, const struct api *api, const struct pg_result *rows,
                         int limit) {
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;

    struct user user = {0};

    list_begin(out);
    for (size_t i = 0; i < shown; i++) {
        user = store_user_at(rows, i);
        list_item(out, i);
        render_user(out, api, &user, false);
    }
    if (found > shown) {
        list_end_place(out, &(struct search_place){user.rank, user.nickname_key, user.id});
    } else {
        list_end(out, (struct str){NULL, 0});
    }
}

enum hum_status handle_users_search(struct request *request, struct reply *reply) {
    struct search_place after = {.key = {"", 0}};
    struct str typed = {"", 0};
    char place[PLACE_MAX];
    struct nickname prefix;
    struct pg_result *rows;
    struct pg *pg;
    int limit = query_limit(request, reply);

    query_text(request, reply, "nickname", &typed);
    query_place(request, reply, place, &after);
    enum hum_status status = nickname_prefix(typed, &prefix);
    if (status == HUM_INVALID_REQUEST) {
        reply_field(reply, "nickname", "must have at least one character");
    }
    HTTP_TRY(reply_verdict(reply));
    if (status == HUM_NOT_FOUND) { /* no nickname can begin like this */
        list_begin(&reply->body);
        list_end(&reply->body, (struct str){NULL, 0});
        return HUM_OK;
    }
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(
        users_search(pg, request->caller.user, nickname_str(&prefix), &after, limit + 1, &rows));
    render_found(&reply->body, request->api, rows, limit);
    pg_result_free(rows);
    return HUM_OK;
}
