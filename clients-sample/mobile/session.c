/* Signing in and out, tokens, and REST calls that need one.
 *
 * The access token is kept in memory only and renewed when a call needs it. A refresh token is
 * written before it is used: whatever happens between the server's answer and the disk, the old one
 * is still there, and the server gives the same new one for it again.
 */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum {
    EARLY_MS = 30000, /* the clocks of the two sides differ */
    MQTT_EARLY_MS = 24 * 3600 * 1000,
    RENEW_AGAIN_MS = 60000,
    CALL_TRIES = 2,
};

struct call {
    struct call *next; /* while it waits for a token */
    struct engine *engine;
    char *method, *path, *body;
    call_done done;
    void *arg;
    int64_t generation;
    int tries;
};

static const struct rest_answer no_answer = {.body = ""};

/* ---- A call with a token ---- */

static void free_call(struct call *call) {
    if (call) {
        free(call->method);
        free(call->path);
        free(call->body);
        free(call);
    }
}

static void end_call(struct call *call, const struct rest_answer *answer) {
    call->done(call->engine, call->arg, answer);
    free_call(call);
}

static void start_refresh(struct engine *engine);
static void go(struct call *call);

static bool token_is_good(const struct engine *engine) {
    return engine->session.access_token &&
           engine->session.access_until - EARLY_MS > clock_wall_ms();
}

static bool says(const struct rest_answer *answer, const char *code) {
    char said[WIRE_CODE_MAX + 1];

    wire_code(answer->body, answer->length, said);
    return strcmp(said, code) == 0;
}

static void on_answer(void *arg, const struct rest_answer *answer) {
    struct call *call = arg;
    struct engine *engine = call->engine;

    if (call->generation != engine->generation) {
        end_call(call, &no_answer);
        return;
    }
    if (answer->status == 401 && says(answer, "unauthorized") && call->tries < CALL_TRIES) {
        engine->session.access_until = 0;
        go(call);
        return;
    }
    end_call(call, answer);
}

static void wait_for_token(struct call *call) {
    struct engine *engine = call->engine;
    struct call **at = &engine->waiting;

    while (*at) {
        at = &(*at)->next;
    }
    call->next = NULL;
    *at = call;
    start_refresh(engine);
}

static void send_call(struct call *call) {
    struct engine *engine = call->engine;
    const struct rest_request request = {
        .method = call->method,
        .path = call->path,
        .body = call->body,
        .token = engine->session.access_token,
    };

    call->tries++;
    if (!rest_send(engine->rest, &request, on_answer, call)) {
        end_call(call, &no_answer);
    }
}

static void go(struct call *call) {
    if (token_is_good(call->engine)) {
        send_call(call);
    } else {
        wait_for_token(call);
    }
}

bool session_call(struct engine *engine, const struct rest_request *request, call_done done,
                  void *arg) {
    struct call *call = session_lives(engine) ? calloc(1, sizeof *call) : NULL;

    if (!call) {
        return false;
    }
    *call = (struct call){.engine = engine,
                          .method = strdup(request->method),
                          .path = strdup(request->path),
                          .body = request->body ? strdup(request->body) : NULL,
                          .done = done,
                          .arg = arg,
                          .generation = engine->generation};
    if (!call->method || !call->path || (request->body && !call->body)) {
        free_call(call);
        return false;
    }
    go(call);
    return true;
}

static void release(struct engine *engine, const struct rest_answer *failure) {
    struct call *call = engine->waiting;

    engine->waiting = NULL;
    while (call) {
        struct call *next = call->next;

        if (failure) {
            end_call(call, failure);
        } else {
            send_call(call); /* however short its token's life is: it has just begun */
        }
        call = next;
    }
}

/* ---- Tokens ---- */

bool session_lives(const struct engine *engine) { return engine->session.user != 0; }

/* The MQTT token is renewed some time before its end, a fifth of its life at most, since it may be
 * a short one. What counts is the token that the connection came with, if there is one. */
void session_plan(struct engine *engine) {
    int64_t left = engine->session.mqtt_until - clock_wall_ms();
    int64_t early = left / 5 < MQTT_EARLY_MS ? left / 5 : MQTT_EARLY_MS;

    engine->token_at = clock_steady_ms() + (left - early > 0 ? left - early : 0);
    engine->renew_at = clock_wall_ms() + left - early;
}

/* Whether the tokens in it stay as secret as those of REST: a server that is spoken with over TLS
 * does not send elsewhere without. */
static bool keeps_secrets(const struct engine *engine, const store_session *session) {
    struct wire_address address;
    bool here = wire_address(session->mqtt_tcp, &address) &&
                (strncmp(address.host, "127.", 4) == 0 || strcmp(address.host, "::1") == 0 ||
                 strcmp(address.host, "localhost") == 0);

    return address.tls || here || strncmp(engine->url, "https://", 8) != 0;
}

/* A Session that came. False: it is none. */
static bool read_session(const struct engine *engine, const struct rest_answer *answer,
                         store_session *ret_session) {
    json_t *object = wire_parse(answer->body, answer->length);
    bool good = wire_session(object, clock_wall_ms(), ret_session);

    json_decref(object);
    if (good && !keeps_secrets(engine, ret_session)) {
        store_session_free(ret_session);
        return false;
    }
    return good;
}

/* Takes it over. False: it cannot be kept, and is freed. */
static bool keep_session(struct engine *engine, store_session *session) {
    if (store_session_put(engine->store, session) != HUM_DONE ||
        store_bytes_put(engine->store, "url", engine->url, strlen(engine->url)) != HUM_DONE) {
        store_session_free(session);
        return false;
    }
    store_session_free(&engine->session);
    engine->session = *session;
    atomic_store(&engine->me, session->user);
    return true;
}

/* Of the session that there is: the same user and device. */
static bool take_renewed(struct engine *engine, const struct rest_answer *answer) {
    store_session session;

    if (!read_session(engine, answer, &session)) {
        return false;
    }
    if (session.user != engine->session.user || session.session != engine->session.session) {
        store_session_free(&session);
        return false;
    }
    return keep_session(engine, &session);
}

static char *refresh_body(const char *token) {
    json_t *object = json_pack("{s:s}", "refresh_token", token);
    char *body = object ? json_dumps(object, JSON_COMPACT) : NULL;

    json_decref(object);
    return body;
}

/* Each refresh brings a new MQTT token too; the connection is told of it when it needs one. */
static void renew_line(struct engine *engine) {
    char topic[64];

    int64_t left = engine->renew_at - clock_wall_ms();
    if (engine->line && left > 0) {
        engine->token_at = clock_steady_ms() + left;
        return;
    }
    (void)snprintf(topic, sizeof topic, "user/%lld/token", (long long)engine->session.user);
    if (!engine->line || line_publish(engine->line, topic, engine->session.mqtt_password, 1) != 0) {
        session_plan(engine);
        back_off_clear(&engine->renewal);
    } else {
        engine->token_at = clock_steady_ms() + RENEW_AGAIN_MS;
    }
}

struct asked {
    struct engine *engine;
    int64_t generation;
};

static void on_refreshed(void *arg, const struct rest_answer *answer) {
    struct asked *asked = arg;
    struct engine *engine = asked->engine;
    bool current = asked->generation == engine->generation;

    free(asked);
    if (!current) {
        return;
    }
    engine->refreshing = false;
    if (answer->status == 200 && take_renewed(engine, answer)) {
        renew_line(engine);
        release(engine, NULL);
        link_renewed(engine);
    } else if (answer->status == 401 && says(answer, "invalid_token")) {
        session_over(engine, "invalid_token");
    } else {
        if (engine->token_at == NEVER) {
            back_off_next(&engine->renewal, clock_steady_ms());
            engine->token_at = engine->renewal.at;
        }
        release(engine, &no_answer);
    }
}

static bool send_refresh(struct engine *engine, const char *token, rest_done done) {
    struct asked *asked = malloc(sizeof *asked);
    char *body = asked ? refresh_body(token) : NULL;
    const struct rest_request request = {"POST", "/auth/refresh", body, NULL};

    if (asked) {
        *asked = (struct asked){engine, engine->generation};
    }
    bool sent = body && rest_send(engine->rest, &request, done, asked);
    if (!sent) {
        free(asked);
    }
    free(body);
    return sent;
}

static void start_refresh(struct engine *engine) {
    if (engine->refreshing) {
        return;
    }
    engine->refreshing = send_refresh(engine, engine->session.refresh_token, on_refreshed);
    if (!engine->refreshing) {
        release(engine, &no_answer);
    }
}

void session_renew(struct engine *engine) {
    engine->token_at = NEVER; /* until there is an answer */
    start_refresh(engine);
}

void session_judge(struct engine *engine) { start_refresh(engine); }

int64_t session_due(const struct engine *engine) {
    return engine->up_at ? engine->token_at : NEVER; /* before: a connection that needs one asks */
}

void session_run(struct engine *engine, int64_t now) {
    if (now >= session_due(engine)) {
        session_renew(engine);
    }
}

/* ---- The beginning and the end ---- */

/* Whose tokens they are: nobody else gets to see them. A store of before has no note of it. */
static bool is_of_this_server(struct engine *engine) {
    void *url = NULL;
    size_t length = 0;
    hum_result result = store_bytes(engine->store, "url", &url, &length);
    bool same = result == HUM_NOT_FOUND || (result == HUM_DONE && length == strlen(engine->url) &&
                                            memcmp(url, engine->url, length) == 0);

    free(url);
    return same;
}

bool session_load(struct engine *engine) {
    if (store_session_get(engine->store, &engine->session) != HUM_DONE) {
        return true;
    }
    if (!is_of_this_server(engine)) {
        session_free(engine);
        return false;
    }
    atomic_store(&engine->me, engine->session.user);
    session_plan(engine);
    return true;
}

/* Nothing of the session is left here. */
static void forget(struct engine *engine) {
    engine->generation++;
    engine->refreshing = false;
    release(engine, &no_answer);
    link_close(engine);
    lists_free(engine);
    store_session_free(&engine->session);
    engine->session = (store_session){0};
    link_filters(engine);
    engine->token_at = NEVER;
    atomic_store(&engine->me, 0);
}

void session_over(struct engine *engine, const char *code) {
    if (!session_lives(engine)) {
        return;
    }
    forget(engine);
    (void)store_empty(engine->store);
    engine_tell(engine, &(hum_event){.kind = HUM_EVENT_SIGNED_OUT, .code = code});
    link_state(engine, HUM_LINE_OFF);
}

void session_free(struct engine *engine) {
    while (engine->waiting) {
        struct call *call = engine->waiting;

        engine->waiting = call->next;
        free_call(call);
    }
    store_session_free(&engine->session);
    engine->session = (store_session){0};
}

/* ---- Signing in ---- */

struct sign_in {
    struct engine *engine;
    int64_t number;
};

static void tell_answer(struct engine *engine, int64_t number, const struct rest_answer *answer) {
    char code[WIRE_CODE_MAX + 1];

    wire_code(answer->body, answer->status >= 400 ? answer->length : 0, code);
    pthread_mutex_lock(&engine->lock);
    engine->calls_waiting--;
    pthread_mutex_unlock(&engine->lock);
    engine_tell(engine, &(hum_event){.kind = HUM_EVENT_ANSWER,
                                     .call = number,
                                     .status = answer->status,
                                     .code = code[0] ? code : NULL,
                                     .text = answer->body});
}

static void say_farewell(struct engine *engine);

static void on_signed_in(void *arg, const struct rest_answer *answer) {
    struct sign_in *asked = arg;
    struct engine *engine = asked->engine;
    int64_t number = asked->number;
    bool good = answer->status == 200 || answer->status == 201;
    store_session session;

    free(asked);
    if (!good || !read_session(engine, answer, &session)) {
        tell_answer(engine, number, good ? &no_answer : answer);
        return;
    }
    if (session_lives(engine)) {
        say_farewell(engine); /* of whoever was signed in until now */
        forget(engine);
    }
    if (!keep_session(engine, &session)) {
        link_state(engine, HUM_LINE_OFF);
        tell_answer(engine, number, &no_answer);
        return;
    }
    pthread_mutex_lock(&engine->lock);
    engine->calls_waiting--;
    pthread_mutex_unlock(&engine->lock);
    session_plan(engine);
    lists_load(engine); /* nothing yet, but whose it is */
    engine_tell(
        engine,
        &(hum_event){.kind = HUM_EVENT_SIGNED_IN, .user = engine->session.user, .call = number});
    link_wanted(engine);
}

static void start_sign_in(struct engine *engine, const struct command *command, const char *path,
                          json_t *object) {
    struct sign_in *asked = malloc(sizeof *asked);
    json_t *device = json_pack("{s:s,s:s}", "name", engine->device_name, "kind", "mobile");
    char *body = NULL;

    if (asked && object && json_object_set_new(object, "device", device) == 0) {
        *asked = (struct sign_in){engine, command->number};
        body = json_dumps(object, JSON_COMPACT);
    }
    const struct rest_request request = {"POST", path, body, NULL};
    if (!body || !rest_send(engine->rest, &request, on_signed_in, asked)) {
        free(asked);
        tell_answer(engine, command->number, &no_answer);
    }
    free(body);
    json_decref(object);
}

void session_sign_up(struct engine *engine, const struct command *command) {
    json_t *object = json_pack("{s:s,s:s,s:s*}", "email", command->texts[0], "password",
                               command->texts[1], "nickname", command->texts[2]);

    start_sign_in(engine, command, "/auth/register", object);
}

void session_sign_in(struct engine *engine, const struct command *command) {
    json_t *object =
        json_pack("{s:s,s:s}", "email", command->texts[0], "password", command->texts[1]);

    start_sign_in(engine, command, "/auth/login", object);
}

/* ---- Signing out ---- */

static void on_farewell(void *arg, const struct rest_answer *answer) {
    struct engine *engine = arg;

    (void)answer;
    engine->farewells--;
}

static bool log_out(struct engine *engine, const char *token) {
    const struct rest_request request = {"POST", "/auth/logout", NULL, token};

    return rest_send(engine->rest, &request, on_farewell, engine);
}

static void on_last_token(void *arg, const struct rest_answer *answer) {
    struct asked *asked = arg;
    struct engine *engine = asked->engine;
    json_t *object = wire_parse(answer->body, answer->length);
    const char *token = wire_text(json_object_get(object, "access_token"), 4096);

    free(asked);
    if (answer->status != 200 || !token || !log_out(engine, token)) {
        engine->farewells--;
    }
    json_decref(object);
}

/* Tells the server that the session is over, with what is needed for that taken along; nobody waits
 * for it. */
static void say_farewell(struct engine *engine) {
    bool sent = token_is_good(engine)
                    ? log_out(engine, engine->session.access_token)
                    : send_refresh(engine, engine->session.refresh_token, on_last_token);

    engine->farewells += sent;
}

void session_sign_out(struct engine *engine, const struct command *command) {
    (void)command;
    if (session_lives(engine)) {
        say_farewell(engine);
        session_over(engine, "signed_out");
    }
}

/* ---- Calls of the app ---- */

struct user_call {
    int64_t number;
    bool changes; /* perhaps which rooms there are */
};

static void on_user_answer(struct engine *engine, void *arg, const struct rest_answer *answer) {
    struct user_call *call = arg;
    const struct user_call copy = *call;

    free(call);
    if (copy.changes && answer->status >= 200 && answer->status < 300) {
        lists_wanted(engine);
    }
    tell_answer(engine, copy.number, answer);
}

static bool changes_rooms(const char *method, const char *path) {
    static const char *const roots[] = {"/dms",          "/servers", "/channels", "/invites",
                                        "/invite-codes", "/friends", "/blocks"};

    for (size_t i = 0; strcmp(method, "GET") != 0 && i < sizeof roots / sizeof roots[0]; i++) {
        if (strncmp(path, roots[i], strlen(roots[i])) == 0) {
            return true;
        }
    }
    return false;
}

void session_user_call(struct engine *engine, const struct command *command) {
    struct user_call *call = malloc(sizeof *call);
    const struct rest_request request = {command->texts[0], command->texts[1], command->texts[2],
                                         NULL};

    if (call) {
        *call = (struct user_call){command->number, changes_rooms(request.method, request.path)};
    }
    if (!call || !session_call(engine, &request, on_user_answer, call)) {
        free(call);
        tell_answer(engine, command->number, &no_answer);
    }
}
