#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TITLE_MAX = 1024,
    TOPIC_MAX = 128,
    KIND_MAX = 32,
    JWT_MAX = 4096,
    DATA_MAX = 16 * 1024,
    TOPIC_PARTS = 6,
};

static const int64_t number_max = ((int64_t)1 << WIRE_SEQ_MAX_BITS) - 1;

json_t *wire_parse(const char *text, size_t length) {
    return json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
}

/* ---- Values ---- */

int64_t wire_digits(const char *text, size_t length) {
    int64_t id = 0;

    if (length < 1 || length > 19 || text[0] == '0') {
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(id, (int64_t)10, &id) ||
            __builtin_add_overflow(id, (int64_t)(text[i] - '0'), &id)) {
            return 0;
        }
    }
    return id;
}

int64_t wire_id(const json_t *value) {
    return json_is_string(value) ? wire_digits(json_string_value(value), json_string_length(value))
                                 : 0;
}

int64_t wire_number(const json_t *value) {
    int64_t number = json_is_integer(value) ? json_integer_value(value) : -1;

    return number >= 0 && number <= number_max ? number : -1;
}

const char *wire_text(const json_t *value, size_t max) {
    return json_is_string(value) && json_string_length(value) <= max ? json_string_value(value)
                                                                     : NULL;
}

/* A decimal number of exactly count digits. -1: none. */
static int64_t digits(const char *text, int count) {
    int64_t value = 0;

    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = 10 * value + (text[i] - '0');
    }
    return value;
}

/* Days from 1970-01-01 by the Gregorian calendar, years starting in March so that the leap day is
 * the last. */
static int64_t days(int64_t year, int64_t month, int64_t day) {
    int64_t y = month > 2 ? year : year - 1;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return 365 * y + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

/* 2026-01-31T09:30:00.125Z */
int64_t wire_time(const json_t *value) {
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    const char *text = wire_text(value, sizeof shape - 1);

    if (!text || strlen(text) != sizeof shape - 1) {
        return 0;
    }
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i]) {
            return 0;
        }
    }
    int64_t month = digits(text + 5, 2), day = digits(text + 8, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31) {
        return 0;
    }
    int64_t minutes =
        (days(digits(text, 4), month, day) * 24 + digits(text + 11, 2)) * 60 + digits(text + 14, 2);
    int64_t ms = (minutes * 60 + digits(text + 17, 2)) * 1000 + digits(text + 20, 3);
    return ms > 0 ? ms : 0;
}

/* ---- Messages ---- */

static bool name_of_kind(const char *kind) {
    size_t length = strlen(kind);

    return length > 0 && strspn(kind, "abcdefghijklmnopqrstuvwxyz_") == length;
}

static int64_t optional(const json_t *value) {
    int64_t number = wire_number(value);

    return number > 0 ? number : 0;
}

static bool read_message(const json_t *object, hum_message *message) {
    const char *kind = wire_text(json_object_get(object, "kind"), KIND_MAX);
    const json_t *text = json_object_get(object, "text");
    const json_t *data = json_object_get(object, "data");

    *message = (hum_message){
        .room = wire_id(json_object_get(object, "room")),
        .seq = wire_number(json_object_get(object, "seq")),
        .id = wire_id(json_object_get(object, "id")),
        .kind = kind,
        .from = wire_id(json_object_get(object, "from")),
        .nonce = wire_text(json_object_get(object, "nonce"), WIRE_NONCE_MAX),
        .text = wire_text(text, HUM_TEXT_MAX),
        .reply_to = optional(json_object_get(object, "reply_to")),
        .target = optional(json_object_get(object, "target")),
        .sent_at = wire_time(json_object_get(object, "sent_at")),
        .edited_at = wire_time(json_object_get(object, "edited_at")),
        .deleted_at = wire_time(json_object_get(object, "deleted_at")),
    };
    return message->room && message->seq > 0 && message->id && kind && name_of_kind(kind) &&
           (!text || message->text) && (!data || json_is_object(data));
}

static bool make_room(struct wire_batch *batch) {
    if (!batch->kept && !(batch->kept = json_array())) {
        return false;
    }
    if (batch->count == batch->room) {
        size_t room = batch->room ? 2 * batch->room : 16;
        hum_message *items = realloc(batch->items, room * sizeof *items);

        if (!items) {
            return false;
        }
        batch->items = items;
        batch->room = room;
    }
    return true;
}

bool wire_batch_add(struct wire_batch *batch, json_t *message) {
    hum_message item;
    char *text = NULL;

    if (!json_is_object(message) || !read_message(message, &item) || !make_room(batch)) {
        return false;
    }
    const json_t *data = json_object_get(message, "data");
    if (data) {
        text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);
        if (!text || strlen(text) > DATA_MAX) {
            free(text);
            return false;
        }
    }
    if (json_array_append(batch->kept, message) != 0) {
        free(text);
        return false;
    }
    item.data = text;
    batch->items[batch->count++] = item;
    return true;
}

void wire_batch_clear(struct wire_batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        union {
            const char *shown;
            char *owned;
        } data = {.shown = batch->items[i].data};

        free(data.owned);
    }
    free(batch->items);
    json_decref(batch->kept);
    *batch = (struct wire_batch){0};
}

/* ---- Rooms, people, sessions ---- */

/* Whether a topic is that of a room of a kind and an id. */
static bool topic_fits(const char *topic, const char *kind, int64_t id) {
    char number[24], wanted[TOPIC_MAX];

    (void)snprintf(number, sizeof number, "%lld", (long long)id);
    if (strcmp(kind, "channel") == 0) {
        const char *middle = strncmp(topic, "server/", 7) == 0 ? strchr(topic + 7, '/') : NULL;

        (void)snprintf(wanted, sizeof wanted, "/channel/%s", number);
        return middle && wire_digits(topic + 7, (size_t)(middle - topic - 7)) &&
               strcmp(middle, wanted) == 0;
    }
    const char *root = strcmp(kind, "inbox") == 0 ? "user" : kind;
    (void)snprintf(wanted, sizeof wanted, "%s/%s", root, number);
    return strcmp(topic, wanted) == 0;
}

static bool is_room_kind(const char *kind) {
    return strcmp(kind, "dm") == 0 || strcmp(kind, "server") == 0 || strcmp(kind, "channel") == 0 ||
           strcmp(kind, "inbox") == 0;
}

bool wire_room(const json_t *object, store_room *ret_room) {
    const char *kind = wire_text(json_object_get(object, "kind"), KIND_MAX);
    const char *topic = wire_text(json_object_get(object, "topic"), TOPIC_MAX);
    const json_t *title = json_object_get(object, "title");
    const store_room room = {
        .shown = {.id = wire_id(json_object_get(object, "id")),
                  .kind = kind,
                  .title = json_is_null(title) ? "" : wire_text(title, TITLE_MAX),
                  .last_seq = wire_number(json_object_get(object, "last_seq")),
                  .read_seq = wire_number(json_object_get(object, "read_seq")),
                  .unread = wire_number(json_object_get(object, "unread")),
                  .can_send = json_is_true(json_object_get(object, "can_send"))},
        .topic = topic,
    };

    if (!room.shown.id || !kind || !topic || !room.shown.title || room.shown.last_seq < 0 ||
        room.shown.read_seq < 0 || room.shown.unread < 0 || !is_room_kind(kind) ||
        !topic_fits(topic, kind, room.shown.id)) {
        return false;
    }
    *ret_room = room;
    return true;
}

bool wire_person(const json_t *object, store_person *ret_person) {
    const store_person person = {
        .id = wire_id(json_object_get(object, "id")),
        .nickname = wire_text(json_object_get(object, "nickname"), TITLE_MAX),
    };

    if (!person.id || !person.nickname) {
        return false;
    }
    *ret_person = person;
    return true;
}

static char *copy(const json_t *value, size_t max) {
    const char *text = wire_text(value, max);

    return text && *text ? strdup(text) : NULL;
}

static int64_t until(const json_t *seconds, int64_t now) {
    int64_t left = wire_number(seconds);

    return left > 0 && left < 10 * (int64_t)366 * 86400 ? now + 1000 * left : 0;
}

bool wire_session(const json_t *object, int64_t now, store_session *ret_session) {
    const json_t *user = json_object_get(object, "user"), *mqtt = json_object_get(object, "mqtt");
    struct wire_address address;
    store_session session = {
        .user = wire_id(json_object_get(user, "id")),
        .session = wire_id(json_object_get(object, "session_id")),
        .nickname = copy(json_object_get(user, "nickname"), TITLE_MAX),
        .refresh_token = copy(json_object_get(object, "refresh_token"), JWT_MAX),
        .access_token = copy(json_object_get(object, "access_token"), JWT_MAX),
        .access_until = until(json_object_get(object, "expires_in"), now),
        .mqtt_client_id = copy(json_object_get(mqtt, "client_id"), KIND_MAX),
        .mqtt_username = copy(json_object_get(mqtt, "username"), KIND_MAX),
        .mqtt_password = copy(json_object_get(mqtt, "password"), JWT_MAX),
        .mqtt_until = until(json_object_get(mqtt, "expires_in"), now),
        .mqtt_tcp = copy(json_object_get(mqtt, "tcp"), sizeof address.host + 16),
    };

    if (!session.user || !session.session || !session.nickname || !session.refresh_token ||
        !session.access_token || !session.mqtt_client_id || !session.mqtt_username ||
        !session.mqtt_password || !session.mqtt_tcp || !wire_address(session.mqtt_tcp, &address)) {
        store_session_free(&session);
        return false;
    }
    *ret_session = session;
    return true;
}

/* ---- Refusals ---- */

static void copy_code(const json_t *object, char ret_code[WIRE_CODE_MAX + 1]) {
    const char *code = wire_text(json_object_get(object, "code"), WIRE_CODE_MAX);

    (void)snprintf(ret_code, WIRE_CODE_MAX + 1, "%s", code && name_of_kind(code) ? code : "");
}

bool wire_refusal(const json_t *object, struct wire_refusal *ret_refusal) {
    struct wire_refusal refusal = {
        .room = wire_id(json_object_get(object, "room")),
        .retry_after_ms = optional(json_object_get(object, "retry_after_ms")),
    };
    const char *nonce = wire_text(json_object_get(object, "nonce"), WIRE_NONCE_MAX);

    copy_code(object, refusal.code);
    (void)snprintf(refusal.nonce, sizeof refusal.nonce, "%s", nonce ? nonce : "");
    if (!refusal.code[0]) {
        return false;
    }
    *ret_refusal = refusal;
    return true;
}

void wire_code(const char *body, size_t length, char ret_code[WIRE_CODE_MAX + 1]) {
    json_t *object = wire_parse(body, length);

    copy_code(object, ret_code);
    json_decref(object);
}

/* ---- Topics and addresses ---- */

static enum wire_verb verb_of(const char *part) {
    static const struct {
        const char *part;
        enum wire_verb verb;
    } verbs[] = {{"messages", WIRE_MESSAGES}, {"typing", WIRE_TYPING}, {"read", WIRE_READ}};

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(part, verbs[i].part) == 0) {
            return verbs[i].verb;
        }
    }
    return WIRE_OTHER;
}

static enum wire_verb verb_of_user(const char *part, int parts) {
    static const struct {
        const char *part;
        int parts;
        enum wire_verb verb;
    } verbs[] = {{"inbox", 3, WIRE_MESSAGES},
                 {"errors", 3, WIRE_ERRORS},
                 {"presence", 3, WIRE_PRESENCE},
                 {"sync", 4, WIRE_SYNC}};

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(part, verbs[i].part) == 0 && parts == verbs[i].parts) {
            return verbs[i].verb;
        }
    }
    return WIRE_OTHER;
}

static int split(char *text, char *parts[TOPIC_PARTS + 1]) {
    int count = 0;

    for (char *rest = text, *part; count <= TOPIC_PARTS && (part = strsep(&rest, "/"));) {
        parts[count++] = part;
    }
    return count;
}

struct wire_topic wire_topic(const char *topic) {
    const struct wire_topic other = {.verb = WIRE_OTHER};
    char text[TOPIC_MAX], *parts[TOPIC_PARTS + 1];

    if (strlen(topic) >= sizeof text) {
        return other;
    }
    memcpy(text, topic, strlen(topic) + 1);
    int count = split(text, parts);
    bool channel = count > 4 && strcmp(parts[2], "channel") == 0;
    int at = channel ? 4 : 2;
    if (count <= at) {
        return other;
    }
    struct wire_topic found = {.room = wire_digits(parts[at - 1], strlen(parts[at - 1]))};
    if (strcmp(parts[0], "user") == 0) {
        found.verb = channel ? WIRE_OTHER : verb_of_user(parts[2], count);
    } else {
        found.verb = verb_of(parts[at]);
        found.user = count == at + 2 ? wire_digits(parts[at + 1], strlen(parts[at + 1])) : 0;
        bool fits = found.verb == WIRE_MESSAGES ? count == at + 1 : found.user != 0;
        found.verb = fits ? found.verb : WIRE_OTHER;
    }
    return found.room ? found : other;
}

bool wire_address(const char *url, struct wire_address *ret_address) {
    struct wire_address address = {.tls = strncmp(url, "mqtts://", 8) == 0};
    const char *host = url + (address.tls ? 8 : 7);

    if (!address.tls && strncmp(url, "mqtt://", 7) != 0) {
        return false;
    }
    const char *colon = strrchr(host, ':');
    size_t length = colon ? (size_t)(colon - host) : 0;
    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    int64_t port = colon ? wire_digits(colon + 1, strlen(colon + 1)) : 0;
    if (length == 0 || length >= sizeof address.host || port < 1 || port > 65535) {
        return false;
    }
    memcpy(address.host, host, length);
    address.host[length] = '\0';
    address.port = (int)port;
    if (strpbrk(address.host, "/@ []")) {
        return false;
    }
    *ret_address = address;
    return true;
}
