#include "friends.h"

#include "domain/friends.h"
#include "handlers/list.h"
#include "handlers/users.h"
#include "nickname.h"

static const struct {
    const char *name;
    int states; /* of enum friend_state */
} states[] = {
    {"accepted", FRIEND_ACCEPTED},
    {"incoming", FRIEND_INCOMING},
    {"outgoing", FRIEND_OUTGOING},
    {"all", FRIEND_ACCEPTED | FRIEND_INCOMING | FRIEND_OUTGOING},
};

static const char *state_name(int state) {
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (states[i].states == state) {
            return states[i].name;
        }
    }
    return "unknown";
}

static void render_friend(struct buf *out, const struct api *api, const struct friend *friend) {
    buf_text(out, "{\"user\":");
    render_user(out, api, &friend->user, false);
    buf_text(out, ",\"state\":");
    buf_json_string(out, str_of(state_name(friend->state)));
    buf_text(out, ",\"since\":");
    buf_json_time(out, friend->since);
    buf_text(out, ",\"dm_id\":");
    if (friend->dm) {
        buf_json_id(out, friend->dm);
    } else {
        buf_text(out, "null");
    }
    buf_text(out, "}");
}

/* Reads whom a request goes to; returns the member's name that says it. */
static const char *read_target(struct request *request, struct reply *reply, struct nickname *key,
                               struct friend_target *ret) {
    struct str typed = {NULL, 0};
    struct nickname display;
    const char *why;

    body_id(request, reply, "user_id", OPTIONAL, &ret->id);
    body_text(request, reply, "nickname", OPTIONAL, 0, SIZE_MAX, &typed);
    if (reply_verdict(reply) != HUM_OK) {
        return "user_id";
    }
    if ((ret->id != 0) == (typed.data != NULL)) {
        reply_field(reply, "user_id", "is required, or nickname; not both");
    } else if (typed.data) {
        if (nickname_prepare(typed, &display, key, &why) != HUM_OK) {
            reply_field(reply, "nickname", why);
        }
        ret->nickname_key = nickname_str(key);
    }
    return ret->id ? "user_id" : "nickname";
}

enum hum_status handle_friend_request(struct request *request, struct reply *reply) {
    struct friend_target target = {0};
    struct pg_result *rows;
    struct nickname key;
    struct pg *pg;
    const char *member = read_target(request, reply, &key, &target);

    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    enum hum_status status = friends_request(pg, request->caller.user, &target, &rows);
    if (status == HUM_INVALID_REQUEST) {
        reply_field(reply, member, "is yourself");
    }
    HTTP_TRY(status);
    struct friend friend = store_friend_at(rows, 0);
    reply->http = friend.state == FRIEND_ACCEPTED ? 200 : 201;
    render_friend(&reply->body, request->api, &friend);
    pg_result_free(rows);
    return HUM_OK;
}

enum hum_status handle_friend_accept(struct request *request, struct reply *reply) {
    struct pg_result *rows;
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(friends_accept(pg, request->caller.user, request->id[0], &rows));
    struct friend friend = store_friend_at(rows, 0);
    render_friend(&reply->body, request->api, &friend);
    pg_result_free(rows);
    return HUM_OK;
}

typedef enum hum_status (*friend_call)(struct pg *pg, int64_t caller, int64_t other);

static enum hum_status run_call(struct request *request, friend_call call) {
    struct pg *pg;

    HTTP_TRY(request_pg(request, &pg));
    return call(pg, request->caller.user, request->id[0]);
}

enum hum_status handle_friend_decline(struct request *request, struct reply *reply) {
    (void)reply;
    return run_call(request, friends_decline);
}

enum hum_status handle_friend_withdraw(struct request *request, struct reply *reply) {
    (void)reply;
    return run_call(request, friends_withdraw);
}

enum hum_status handle_friend_remove(struct request *request, struct reply *reply) {
    (void)reply;
    return run_call(request, friends_remove);
}

static int read_states(struct request *request, struct reply *reply) {
    struct str name = str_of("accepted");

    query_text(request, reply, "state", &name);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (str_equal(name, str_of(states[i].name))) {
            return states[i].states;
        }
    }
    reply_field(reply, "state", "must be accepted, incoming, outgoing or all");
    return 0;
}

enum hum_status handle_friends_list(struct request *request, struct reply *reply) {
    int64_t after = 0;
    struct pg_result *rows;
    struct pg *pg;
    int wanted = read_states(request, reply), limit = query_limit(request, reply);

    query_int(request, reply, "cursor", &after);
    HTTP_TRY(reply_verdict(reply));
    HTTP_TRY(request_pg(request, &pg));
    HTTP_TRY(friends_list(pg, request->caller.user, wanted, after, limit + 1, &rows));
    size_t found = pg_rows(rows), shown = found > (size_t)limit ? (size_t)limit : found;
    struct friend friend = {0};
    list_begin(&reply->body);
    for (size_t i = 0; i < shown; i++) {
        friend = store_friend_at(rows, i);
        list_item(&reply->body, i);
        render_friend(&reply->body, request->api, &friend);
    }
    list_end_id(&reply->body, found > shown ? friend.user.id : 0);
    pg_result_free(rows);
    return HUM_OK;
}
