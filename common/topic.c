#include "topic.h"

#include <stdio.h>

enum { LEVELS_MAX = 5 };

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

static bool parse_verb(struct str level, struct topic *topic) {
    if (topic->scope == TOPIC_USER) {
        topic->verb = is(level, "inbox") ? TOPIC_INBOX : TOPIC_ERRORS;
        return topic->verb == TOPIC_INBOX || is(level, "errors");
    }
    topic->verb = is(level, "send") ? TOPIC_SEND : TOPIC_MESSAGES;
    return topic->verb == TOPIC_SEND || is(level, "messages");
}

bool topic_parse(struct str text, struct topic *ret_topic) {
    struct str levels[LEVELS_MAX];
    struct topic topic = {0};
    size_t count = split(text, levels);
    size_t used = count ? parse_scope(levels, count, &topic) : 0;

    if (used == 0 || count != used + 1 || !parse_verb(levels[used], &topic)) {
        return false;
    }
    *ret_topic = topic;
    return true;
}

/* What follows the ids of a filter: one or two levels of "+" or "#" (two: "typing/+" and the like
 * fit no topic yet, so "+/+" is the only one that could cover something). */
static bool wild_tail(const struct str *levels, size_t count) {
    if (count == 1) {
        return is(levels[0], "#") || is(levels[0], "+");
    }
    return count == 2 && is(levels[0], "+") && (is(levels[1], "+") || is(levels[1], "#"));
}

bool topic_parse_filter(struct str text, struct topic *ret_topic) {
    struct str levels[LEVELS_MAX];
    struct topic topic = {0};
    size_t count = split(text, levels);
    size_t used = count ? parse_scope(levels, count, &topic) : 0;

    if (used == 0) {
        return false;
    }
    if (wild_tail(levels + used, count - used)) {
        topic.verb = TOPIC_ALL;
    } else if (count != used + 1 || !parse_verb(levels[used], &topic)) {
        return false;
    }
    *ret_topic = topic;
    return true;
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
