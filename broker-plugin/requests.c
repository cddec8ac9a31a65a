#include "requests.h"

#include <jansson.h>
#include <stdlib.h>

enum {
    TYPING_PAYLOAD_MAX = 64,
    MARKS_AT_ONCE = 500,
    SYNCS_MAX = SESSION_CONNECTIONS_MAX, /* of a user, at once */
};

static const struct rate sends_rate = {20, 1000, 60};
/* Of everything else, and of what is refused. */
static const struct rate requests_rate = {50, 1000, 150};

/* ---- Refusals ---- */

/* The nonce of a Send that is refused, where it can be read. */
static void read_nonce(const struct topic *topic, struct str payload,
                       char nonce[MESSAGE_NONCE_MAX + 1]) {
    struct send_request request;
    const char *ignored;

    nonce[0] = '\0';
    if (topic && topic->verb == TOPIC_SEND) {
        if (send_parse(payload, &request, &ignored) == HUM_OK) {
            send_free(&request);
        }
        memcpy(nonce, request.nonce, MESSAGE_NONCE_MAX + 1);
    }
}

/* What to do about a publish whose Error cannot be told, since the user's rate of them is used up.
 * A Send keeps waiting for a word, and MQTT 3.1.1 would acknowledge it: without an acknowledgement
 * its client keeps it. */
static enum request_verdict refuse_silently(const struct topic *topic,
                                            const struct publish *publish) {
    return topic && topic->verb == TOPIC_SEND && publish->qos > 0 ? REQUEST_CLOSE : REQUEST_REFUSE;
}

static bool may_tell(struct plugin *plugin, struct user *user) {
    return !plugin->limits || limit_take(&user->requests, steady_ms(), &requests_rate) == 0;
}

/* Tells a refusal, at the user's rate: an Error a publish would make us the one who floods. topic
 * NULL: none of ours. */
static enum request_verdict refuse(struct plugin *plugin, const struct client *client,
                                   const struct topic *topic, const struct publish *publish,
                                   enum hum_status status, const char *detail) {
    struct user *user = client_user(client);
    char nonce[MESSAGE_NONCE_MAX + 1];

    number_refused(status);
    if (!may_tell(plugin, user)) {
        return refuse_silently(topic, publish);
    }
    read_nonce(topic, publish->payload, nonce);
    delivery_error(user->id, topic && topic->scope != TOPIC_USER ? topic->id : 0, nonce, status,
                   detail, 0);
    return REQUEST_REFUSE;
}

/* Milliseconds until the user may do one more of these; 0: now. */
static int64_t must_wait(struct plugin *plugin, struct user *user, const struct topic *topic) {
    if (!plugin->limits) {
        return 0;
    }
    if (topic->verb == TOPIC_SEND) {
        return limit_take(&user->sends, steady_ms(), &sends_rate);
    }
    return limit_take(&user->requests, steady_ms(), &requests_rate);
}

/* Too many: of the sender of a Send an Error says when to go on; nobody waits for anything else. */
static enum request_verdict slow_down(struct plugin *plugin, const struct client *client,
                                      const struct topic *topic, const struct publish *publish,
                                      int64_t wait_ms) {
    struct user *user = client_user(client);
    char nonce[MESSAGE_NONCE_MAX + 1];

    number_refused(HUM_RATE_LIMITED);
    if (topic->verb != TOPIC_SEND || !may_tell(plugin, user)) {
        return refuse_silently(topic, publish);
    }
    read_nonce(topic, publish->payload, nonce);
    delivery_error(user->id, topic->id, nonce, HUM_RATE_LIMITED,
                   "too many messages, go on after retry_after_ms", wait_ms);
    return REQUEST_REFUSE;
}

/* ---- What may be published at all ---- */

static const char *check_typing(const struct publish *publish) {
    if (publish->qos != 0) {
        return "typing is published with QoS 0";
    }
    if (publish->payload.len > TYPING_PAYLOAD_MAX || !str_equal(publish->payload, str_of("{}"))) {
        return "the payload must be {}";
    }
    return NULL;
}

static enum request_verdict check_rights(struct plugin *plugin, struct client *client,
                                         const struct topic *topic, const struct publish *publish) {
    enum hum_status status = authz_verdict(client_user(client)->set, AUTHZ_WRITE, topic);

    if (status != HUM_OK) {
        return refuse(plugin, client, topic, publish, status, NULL);
    }
    return REQUEST_TAKE;
}

enum request_verdict request_check(struct plugin *plugin, struct client *client,
                                   const struct publish *publish) {
    struct topic topic;
    bool known = topic_parse(str_of(publish->topic), &topic);

    if (publish->retain) {
        return refuse(plugin, client, known ? &topic : NULL, publish, HUM_FORBIDDEN,
                      "nothing can be retained");
    }
    if (!known || (!topic_is_request(topic.verb) && topic.verb != TOPIC_TYPING)) {
        return refuse(plugin, client, NULL, publish, HUM_FORBIDDEN,
                      "this topic is not for publishing");
    }
    if (topic.verb != TOPIC_TYPING) {
        return REQUEST_TAKE; /* request_handle judges it; a will to it goes to nobody */
    }
    const char *wrong = check_typing(publish);
    if (wrong) {
        return refuse(plugin, client, &topic, publish, HUM_INVALID_PAYLOAD, wrong);
    }
    return client_waits(client) ? REQUEST_REFUSE : check_rights(plugin, client, &topic, publish);
}

/* The will of a connection that has just ended: a typing sign or nothing. */
bool request_allows_will(const struct user *user, const struct publish *publish) {
    struct topic topic;

    return !publish->retain && topic_parse(str_of(publish->topic), &topic) &&
           topic.verb == TOPIC_TYPING && !check_typing(publish) &&
           authz_verdict(user->set, AUTHZ_WRITE, &topic) == HUM_OK;
}

/* ---- Requests ---- */

static enum request_verdict take_send(struct plugin *plugin, const struct client *client,
                                      const struct topic *topic, const struct publish *publish) {
    struct send_request request;
    const char *detail;
    enum hum_status status = send_parse(publish->payload, &request, &detail);

    if (status != HUM_OK) {
        return refuse(plugin, client, topic, publish, status, detail);
    }
    const struct record record = {
        .room = topic->id,
        .sender = client_user(client)->id,
        .reply_to = request.reply_to,
        .accepted_at = milliseconds_now(),
        .nonce = str_of(request.nonce),
        .text = request.text,
    };
    status = journal_push(plugin->journal, &record);
    send_free(&request);
    if (status != HUM_OK) {
        number_refused(status);
        return REQUEST_CLOSE;
    }
    number_add(NUMBER_ACCEPTED, 1);
    return REQUEST_TAKE;
}

/* A JSON object of at most 16 KiB. NULL: it is none. */
static json_t *parse_object(struct str payload) {
    json_t *root = payload.len <= MESSAGE_PAYLOAD_MAX
                       ? json_loadb(payload.data ? payload.data : "", payload.len,
                                    JSON_REJECT_DUPLICATES, NULL)
                       : NULL;

    if (root && !json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

static enum request_verdict take_read(struct plugin *plugin, const struct client *client,
                                      const struct topic *topic, const struct publish *publish) {
    json_t *root = parse_object(publish->payload);
    const json_t *value = json_object_get(root, "seq");
    int64_t seq = json_is_integer(value) ? json_integer_value(value) : 0;

    json_decref(root);
    if (seq < 1) {
        return refuse(plugin, client, topic, publish, HUM_INVALID_PAYLOAD,
                      "seq must be the number of a message");
    }
    /* Where the log ends, the database knows (hum_mark_read): what was sent by REST a moment ago
     * may have been read before the broker has heard of it. */
    const struct read_mark mark = {client_user(client)->id, topic->id, seq};
    enum hum_status status = marks_put(plugin->marks, &mark, steady_ms());
    if (status != HUM_OK) {
        return refuse(plugin, client, topic, publish, status, NULL);
    }
    return REQUEST_TAKE;
}

static enum request_verdict take_token(struct plugin *plugin, struct client *client,
                                       const struct topic *topic, const struct publish *publish) {
    struct token_claims claims;
    char token[TOKEN_MAX + 1];

    const struct str payload = publish->payload;

    if (payload.len == 0 || payload.len > TOKEN_MAX) {
        return refuse(plugin, client, topic, publish, HUM_INVALID_TOKEN, NULL);
    }
    memcpy(token, payload.data, payload.len);
    token[payload.len] = '\0';
    if (strlen(token) != payload.len ||
        token_verify(&plugin->keys, token, seconds_now(), &claims) != HUM_OK ||
        claims.user != client_user(client)->id || claims.session != client_session(client)) {
        return refuse(plugin, client, topic, publish, HUM_INVALID_TOKEN, NULL);
    }
    client_renew(client, claims.expires_at);
    return REQUEST_TAKE;
}

/* One room of a sync: {"123":41}. False: not well-formed. A room that the user may not read is
 * named as missing. */
static bool add_place(const struct access_set *set, struct sync_request *request, const char *key,
                      const json_t *after) {
    int64_t room;

    if (!str_id(str_of(key), &room) || !json_is_integer(after) || json_integer_value(after) < 0) {
        return false;
    }
    if (access_rights(set, room) & ACCESS_READ) {
        request->places[request->count++] = (struct sync_place){room, json_integer_value(after)};
    } else {
        request->missing[request->missing_count++] = room;
    }
    return true;
}

static const char *fill_sync(const struct access_set *set, json_t *root,
                             struct sync_request *request) {
    const json_t *tag = json_object_get(root, "tag");
    json_t *rooms = json_object_get(root, "rooms"), *after;
    const char *key;

    if (!json_is_string(tag) ||
        !topic_tag((struct str){json_string_value(tag), json_string_length(tag)})) {
        return "tag must be a string of 1 to 32 characters of A-Z a-z 0-9 _ -";
    }
    memcpy(request->tag, json_string_value(tag), json_string_length(tag) + 1);
    if (!json_is_object(rooms) || json_object_size(rooms) > SYNC_ROOMS_MAX) {
        return "rooms must be an object of at most 200 rooms and their last numbers";
    }
    json_object_foreach(rooms, key, after) {
        if (!add_place(set, request, key, after)) {
            return "rooms must be an object of ids and numbers";
        }
    }
    return NULL;
}

static enum request_verdict take_sync(struct plugin *plugin, const struct client *client,
                                      const struct topic *topic, const struct publish *publish) {
    struct user *user = client_user(client);

    if (user->syncs == SYNCS_MAX) {
        return refuse(plugin, client, topic, publish, HUM_RATE_LIMITED,
                      "the syncs before this one are still under way");
    }
    json_t *root = parse_object(publish->payload);
    struct sync_request *request = root ? calloc(1, sizeof *request) : NULL;
    const char *wrong = request ? fill_sync(user->set, root, request)
                                : "the payload must be a JSON object of at most 16 KiB";
    json_decref(root);
    if (wrong) {
        free(request);
        return refuse(plugin, client, topic, publish, HUM_INVALID_PAYLOAD, wrong);
    }
    request->user = user->id;
    request->piece_bytes = client_websocket(client) ? SYNC_FRAME_BYTES : SYNC_PIECE_BYTES;
    user->syncs++;
    clerk_sync(plugin->clerk, request);
    return REQUEST_TAKE;
}

enum request_verdict request_handle(struct plugin *plugin, struct client *client,
                                    const struct publish *publish) {
    struct topic topic;

    if (!topic_parse(str_of(publish->topic), &topic)) {
        return REQUEST_REFUSE;
    }
    if (!plugin_set_loaded(plugin, client)) {
        return REQUEST_CLOSE;
    }
    int64_t wait_ms = must_wait(plugin, client_user(client), &topic);
    if (wait_ms > 0) {
        return slow_down(plugin, client, &topic, publish, wait_ms);
    }
    if (topic.verb == TOPIC_TYPING) {
        return REQUEST_TAKE; /* its rights were checked a moment ago */
    }
    enum request_verdict verdict = check_rights(plugin, client, &topic, publish);
    if (verdict != REQUEST_TAKE) {
        return verdict;
    }
    switch (topic.verb) {
    case TOPIC_SEND:
        return take_send(plugin, client, &topic, publish);
    case TOPIC_READ:
        return take_read(plugin, client, &topic, publish);
    case TOPIC_TOKEN:
        return take_token(plugin, client, &topic, publish);
    case TOPIC_SYNC:
        return take_sync(plugin, client, &topic, publish);
    default:
        return REQUEST_REFUSE;
    }
}

/* One list at a time: while PostgreSQL is away they gather here, each user and room once. */
void requests_flush(struct plugin *plugin) {
    struct read_mark marks[MARKS_AT_ONCE];

    if (plugin->marks_written) {
        return;
    }
    size_t count = marks_take(plugin->marks, marks, MARKS_AT_ONCE, steady_ms());
    if (count > 0) {
        plugin->marks_written = clerk_write_marks(plugin->clerk, marks, count);
    }
}
