#include "topic.h"

#include <stdio.h>

enum { LEVELS_MAX = 6 };

/* Splits at "/". 0: more levels than any topic of ours has. */
static size_t split(struct str text, struct str levels[LEVELS_MAX]) {
    size_t count = 0;
    const char *start = text.data;
    const char *end = text.data + text.len;

    for (;;) {
        const char *slash = memchr(start, '/', (size_t)(end - start));
        const char *stop = slash ? slash : end;

        if (count == LEVELS_MAX) {
            return 0;
        }
        levels[count++] = (struct str){start, (size_t)(stop - start)};
        if (!slash) {
            return count;
        }
        start = slash + 1;
    }
}

static bool is(struct str level, const char *word) { return str_equal(level, str_of(word)); }

/* The scope and ids at the front. Returns the levels they take, 0 when there is none. */
static size_t parse_scope(const struct str *levels, size_t count, struct topic *topic) {
    if (count < 3 || !str_id(levels[1], &topic->id)) {
        return 0;
    }
    if (is(levels[0], "dm")) {
        topic->scope = TOPIC_DM;
        return 2;
    }
    if (is(levels[0], "user")) {
        topic->scope = TOPIC_USER;
        return 2;
    }
    if (!is(levels[0], "server")) {
        return 0;
    }
    topic->scope = TOPIC_SERVER;
    if (!is(levels[2], "channel") || count < 5) {
        return 2;
    }
    topic->scope = TOPIC_CHANNEL;
    topic->server = topic->id;
    return str_id(levels[3], &topic->id) ? 4 : 0;
}

bool topic_is_request(enum topic_verb verb) {
    return verb == TOPIC_SEND || verb == TOPIC_READ || verb == TOPIC_TOKEN || verb == TOPIC_SYNC;
}

bool topic_tag(struct str tag) {
    if (tag.len < 1 || tag.len > TOPIC_TAG_MAX) {
        return false;
    }
    for (size_t i = 0; i < tag.len; i++) {
        char c = tag.data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-')) {
            return false;
        }
    }
    return true;
}

/* What may follow a verb. */
enum tail { TAIL_NONE, TAIL_USER, TAIL_TAG };

static const struct verb {
    const char *word;
    enum topic_verb verb;
    bool of_user; /* else of rooms */
    enum tail tail;
} verbs[] = {
    {"send", TOPIC_SEND, false, TAIL_NONE},      {"messages", TOPIC_MESSAGES, false, TAIL_NONE},
    {"typing", TOPIC_TYPING, false, TAIL_USER},  {"read", TOPIC_READ, false, TAIL_NONE},
    {"read", TOPIC_READ_MARK, false, TAIL_USER}, {"inbox", TOPIC_INBOX, true, TAIL_NONE},
    {"errors", TOPIC_ERRORS, true, TAIL_NONE},   {"presence", TOPIC_PRESENCE, true, TAIL_NONE},
    {"token", TOPIC_TOKEN, true, TAIL_NONE},     {"sync", TOPIC_SYNC, true, TAIL_NONE},
    {"sync", TOPIC_SYNC_REPLY, true, TAIL_TAG},
};

static bool is_wild(struct str level) { return is(level, "+") || is(level, "#"); }

/* Whether the level that follows the verb fits; in a filter it may be wild. */
static bool parse_tail(enum tail tail, struct str level, bool filter, struct topic *topic) {
    if (filter && is_wild(level)) {
        return true;
    }
    return tail == TAIL_USER ? str_id(level, &topic->who) : topic_tag(level);
}

/* levels: what stands below the room or user. */
static bool parse_verb(const struct str *levels, size_t count, bool filter, struct topic *topic) {
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        const struct verb *verb = &verbs[i];

        if (verb->of_user == (topic->scope == TOPIC_USER) && is(levels[0], verb->word) &&
            count == (verb->tail == TAIL_NONE ? 1u : 2u) &&
            (verb->tail == TAIL_NONE || parse_tail(verb->tail, levels[1], filter, topic))) {
            topic->verb = verb->verb;
            return true;
        }
    }
    return false;
}

/* "#", "+", "+/+" and "+/#": everything below the room or user, or a part of it. */
static bool is_all(const struct str *levels, size_t count) {
    if (count == 1) {
        return is_wild(levels[0]);
    }
    return count == 2 && is(levels[0], "+") && is_wild(levels[1]);
}

static bool parse(struct str text, bool filter, struct topic *ret_topic) {
    struct str levels[LEVELS_MAX];
    struct topic topic = {0};
    size_t count = split(text, levels);
    size_t used = count ? parse_scope(levels, count, &topic) : 0;

    if (used == 0) {
        return false;
    }
    if (filter && is_all(levels + used, count - used)) {
        topic.verb = TOPIC_ALL;
    } else if (!parse_verb(levels + used, count - used, filter, &topic)) {
        return false;
    }
    *ret_topic = topic;
    return true;
}

bool topic_parse(struct str text, struct topic *ret_topic) { return parse(text, false, ret_topic); }

bool topic_parse_filter(struct str text, struct topic *ret_topic) {
    return parse(text, true, ret_topic);
}

void topic_room(char out[TOPIC_MAX], enum room_kind kind, int64_t room, int64_t server) {
    switch (kind) {
    case ROOM_DM:
        snprintf(out, TOPIC_MAX, "dm/%lld", (long long)room);
        return;
    case ROOM_SERVER:
        snprintf(out, TOPIC_MAX, "server/%lld", (long long)room);
        return;
    case ROOM_CHANNEL:
        snprintf(out, TOPIC_MAX, "server/%lld/channel/%lld", (long long)server, (long long)room);
        return;
    case ROOM_INBOX:
        snprintf(out, TOPIC_MAX, "user/%lld", (long long)room);
        return;
    }
    out[0] = '\0';
}

void topic_messages(char out[TOPIC_MAX], enum room_kind kind, int64_t room, int64_t server) {
    topic_room(out, kind, room, server);
    size_t len = strlen(out);

    snprintf(out + len, TOPIC_MAX - len, kind == ROOM_INBOX ? "/inbox" : "/messages");
}

void topic_errors(char out[TOPIC_MAX], int64_t user) {
    snprintf(out, TOPIC_MAX, "user/%lld/errors", (long long)user);
}

void topic_read_mark(char out[TOPIC_MAX], enum room_kind kind, int64_t room, int64_t server,
                     int64_t user) {
    topic_room(out, kind, room, server);
    size_t len = strlen(out);

    snprintf(out + len, TOPIC_MAX - len, "/read/%lld", (long long)user);
}

void topic_presence(char out[TOPIC_MAX], int64_t user) {
    snprintf(out, TOPIC_MAX, "user/%lld/presence", (long long)user);
}

void topic_sync_reply(char out[TOPIC_MAX], int64_t user, const char *tag) {
    snprintf(out, TOPIC_MAX, "user/%lld/sync/%s", (long long)user, tag);
}
