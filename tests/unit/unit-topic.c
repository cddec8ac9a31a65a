/* Topics and filters: which are ours, and what they say. */
#include "unit.h"

#include <stdio.h>

#include "topic.h"

struct row {
    const char *text;
    enum topic_scope scope;
    enum topic_verb verb;
    int64_t id, server, who;
};

/* The whole of the contract, with every id a 5. */
#define ROOM_TOPICS(room, scope, server)                                                           \
    {room "/send", scope, TOPIC_SEND, 5, server, 0},                                               \
        {room "/read", scope, TOPIC_READ, 5, server, 0},                                           \
        {room "/messages", scope, TOPIC_MESSAGES, 5, server, 0},                                   \
        {room "/typing/5", scope, TOPIC_TYPING, 5, server, 5}, {                                   \
        room "/read/5", scope, TOPIC_READ_MARK, 5, server, 5                                       \
    }

static const struct row topics[] = {
    ROOM_TOPICS("dm/5", TOPIC_DM, 0),
    ROOM_TOPICS("server/5", TOPIC_SERVER, 0),
    ROOM_TOPICS("server/5/channel/5", TOPIC_CHANNEL, 5),
    {"user/5/inbox", TOPIC_USER, TOPIC_INBOX, 5, 0, 0},
    {"user/5/errors", TOPIC_USER, TOPIC_ERRORS, 5, 0, 0},
    {"user/5/presence", TOPIC_USER, TOPIC_PRESENCE, 5, 0, 0},
    {"user/5/token", TOPIC_USER, TOPIC_TOKEN, 5, 0, 0},
    {"user/5/sync", TOPIC_USER, TOPIC_SYNC, 5, 0, 0},
    {"user/5/sync/tag", TOPIC_USER, TOPIC_SYNC_REPLY, 5, 0, 0},
};

#define ALL(prefix, scope, server)                                                                 \
    {prefix "/#", scope, TOPIC_ALL, 5, server, 0}, {prefix "/+", scope, TOPIC_ALL, 5, server, 0},  \
        {prefix "/+/+", scope, TOPIC_ALL, 5, server, 0}, {                                         \
        prefix "/+/#", scope, TOPIC_ALL, 5, server, 0                                              \
    }
#define ANYBODY(room, scope, server)                                                               \
    {room "/typing/+", scope, TOPIC_TYPING, 5, server, 0},                                         \
        {room "/typing/#", scope, TOPIC_TYPING, 5, server, 0},                                     \
        {room "/read/+", scope, TOPIC_READ_MARK, 5, server, 0}, {                                  \
        room "/read/#", scope, TOPIC_READ_MARK, 5, server, 0                                       \
    }

static const struct row filters[] = {
    ALL("dm/5", TOPIC_DM, 0),
    ALL("server/5", TOPIC_SERVER, 0),
    ALL("server/5/channel/5", TOPIC_CHANNEL, 5),
    ALL("user/5", TOPIC_USER, 0),
    ANYBODY("dm/5", TOPIC_DM, 0),
    ANYBODY("server/5", TOPIC_SERVER, 0),
    ANYBODY("server/5/channel/5", TOPIC_CHANNEL, 5),
    {"user/5/sync/+", TOPIC_USER, TOPIC_SYNC_REPLY, 5, 0, 0},
    {"user/5/sync/#", TOPIC_USER, TOPIC_SYNC_REPLY, 5, 0, 0},
};

/* Which id is which. */
static const struct row distinct[] = {
    {"dm/3/typing/4", TOPIC_DM, TOPIC_TYPING, 3, 0, 4},
    {"server/3/read/4", TOPIC_SERVER, TOPIC_READ_MARK, 3, 0, 4},
    {"server/3/channel/4/messages", TOPIC_CHANNEL, TOPIC_MESSAGES, 4, 3, 0},
    {"server/3/channel/4/typing/6", TOPIC_CHANNEL, TOPIC_TYPING, 4, 3, 6},
    {"dm/9223372036854775807/send", TOPIC_DM, TOPIC_SEND, INT64_MAX, 0, 0},
    {"server/9223372036854775807/channel/9223372036854775806/read/9223372036854775805",
     TOPIC_CHANNEL, TOPIC_READ_MARK, INT64_MAX - 1, INT64_MAX, INT64_MAX - 2},
    {"user/4/sync/ABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123", TOPIC_USER, TOPIC_SYNC_REPLY, 4, 0, 0},
};

static const char *const refused[] = {
    "",
    "/",
    "//",
    "///",
    "////",
    "/////",
    "dm",
    "dm/",
    "dm/5",
    "dm/5/",
    "dm//send",
    "/dm/5/send",
    "dm/5/send/",
    "dm/5//send",
    "dm/5/send/x",
    "dm/5/sen",
    "dm/5/sendx",
    "dm/5/SEND",
    "DM/5/send",
    "dm/5 /send",
    " dm/5/send",
    "dm/5/send ",
    "dm/0/send",
    "dm/05/send",
    "dm/-5/send",
    "dm/+5/send",
    "dm/5.0/send",
    "dm/0x5/send",
    "dm/x/send",
    "dm/9223372036854775808/send",
    "dm/18446744073709551621/send",
    "dm/55555555555555555555555555/send",
    "dm/5/inbox",
    "dm/5/errors",
    "dm/5/channel/7/send",
    "user/5/send",
    "user/5/messages",
    "user/5/inbox/x",
    "user/5",
    "user/0/inbox",
    "dm/5/typing",
    "dm/5/typing/",
    "dm/5/typing/0",
    "dm/5/typing/x",
    "dm/5/typing/05",
    "dm/5/typing/5/5",
    "dm/5/read/",
    "dm/5/read/0",
    "dm/5/read/x",
    "dm/5/read/5/x",
    "dm/5/token",
    "dm/5/sync",
    "dm/5/sync/tag",
    "dm/5/presence",
    "user/5/read",
    "user/5/read/5",
    "user/5/typing/5",
    "user/5/presence/5",
    "user/5/token/x",
    "user/5/sync/",
    "user/5/sync/a/b",
    "user/5/sync/a.b",
    "user/5/sync/a b",
    "user/5/sync/\xc3\xa4",
    "user/5/sync/ABCDEFGHIJKLMNOPQRSTUVWXYZ_-01234",
    "user/0/presence",
    "server/5/inbox",
    "server/5/channel",
    "server/5/channel/7",
    "server/5/channel/7/",
    "server/5/channel/0/send",
    "server/5/channel/07/send",
    "server/0/channel/7/send",
    "server/5/channel/7/inbox",
    "server/5/channel/7/send/x",
    "server/5/channels/7/send",
    "server/5/chann/7/send",
    "channel/7/send",
    "channel/7/messages",
    "room/5/send",
    "$SYS/broker/uptime",
    "$SYS/5/send",
    "$CONTROL/5/send",
    "$share/dm/5/send",
    "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p",
    /* as filters, too */
    "#",
    "+",
    "+/#",
    "+/+",
    "+/+/+",
    "+/+/#",
    "+/+/+/+/+",
    "+/5/#",
    "+/5/messages",
    "dm/#",
    "dm/+",
    "dm/+/#",
    "dm/+/+",
    "dm/+/messages",
    "dm/#/messages",
    "user/#",
    "user/+/inbox",
    "user/+/#",
    "server/#",
    "server/+/messages",
    "server/+/#",
    "server/+/channel/7/#",
    "server/+/channel/+/#",
    "server/5/channel/#",
    "server/5/channel/+",
    "server/5/channel/+/messages",
    "server/5/channel/+/#",
    "server/5/channel/+/+",
    "server/5/+/7/messages",
    "server/5/+/7/#",
    "server/5/+/+/+",
    "server/5/+/+/#",
    "server/5/+/+/messages",
    "dm/5/messages/#",
    "dm/5/typing/+/+",
    "dm/5/typing/+/#",
    "dm/5/typing/5/#",
    "dm/5/read/5/+",
    "dm/5/typing/+5",
    "dm/5/+/5",
    "dm/5/#/5",
    "dm/+/typing/5",
    "user/5/sync/tag/#",
    "user/5/inbox/#",
    "user/+/presence",
    "user/5/sync/+/+",
    "server/5/channel/7/+/+/#",
    "server/5/channel/7/typing/5/#",
    "server/5/channel/+/typing/+",
    "dm/5/messages/+",
    "dm/5/+/messages",
    "dm/5/+/+/+",
    "dm/5/+/+/#",
    "dm/5/#/#",
    "dm/5/#/+",
    "dm/5/#x",
    "dm/5/x#",
    "dm/5/+x",
    "dm/5/#/",
    "dm/5/+/",
    "dm/5+/#",
    "dm/5#",
    "dm/5/##",
    "$share/g/dm/5/messages",
    "$share/g/#",
    "$share/g/dm/5/#",
    "$SYS/#",
    "$CONTROL/#",
    "/#",
    "/dm/5/#",
    "dm//#",
};

/* Reads an exact copy. What is refused leaves the result as it was. */
static bool parse(bool (*read)(struct str, struct topic *), const char *text, struct topic *topic) {
    const struct topic before = {TOPIC_SERVER, TOPIC_ERRORS, -3, -4, -5};
    struct str copy = exact(text);

    *topic = before;
    bool ok = read(copy, topic);
    exact_free(copy);
    if (!ok) {
        assert_memory_equal(topic, &before, sizeof before);
    }
    return ok;
}

static void assert_reads(bool (*read)(struct str, struct topic *), const struct row *row) {
    struct topic topic;

    assert_true(parse(read, row->text, &topic));
    assert_int_equal(topic.scope, row->scope);
    assert_int_equal(topic.verb, row->verb);
    assert_int_equal(topic.id, row->id);
    assert_int_equal(topic.server, row->server);
    assert_int_equal(topic.who, row->who);
}

static void test_topics(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(topics); i++) {
        assert_reads(topic_parse, &topics[i]);
        assert_reads(topic_parse_filter, &topics[i]);
    }
    for (size_t i = 0; i < COUNT(distinct); i++) {
        assert_reads(topic_parse, &distinct[i]);
    }
}

static void test_filters(void **state) {
    struct topic topic;

    (void)state;
    for (size_t i = 0; i < COUNT(filters); i++) {
        assert_reads(topic_parse_filter, &filters[i]);
        assert_false(parse(topic_parse, filters[i].text, &topic));
    }
}

static void test_refused(void **state) {
    struct topic topic;

    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        if (parse(topic_parse, refused[i], &topic) ||
            parse(topic_parse_filter, refused[i], &topic)) {
            fail_msg("%s is taken", refused[i]);
        }
    }
}

static void test_nul_is_no_end(void **state) {
    struct str text = exact_bytes("dm/5/send\0", 10);
    struct str inside = exact_bytes("dm/5\0/send", 10);
    struct topic topic;

    (void)state;
    assert_false(topic_parse(text, &topic));
    assert_false(topic_parse_filter(text, &topic));
    assert_false(topic_parse(inside, &topic));
    exact_free(text);
    exact_free(inside);
}

/* Each topic and filter cut everywhere, at the end of its block. */
static void check_prefixes(const struct row *row) {
    for (size_t len = 0; len <= strlen(row->text); len++) {
        struct str cut = exact_bytes(row->text, len);
        struct topic topic;

        (void)topic_parse(cut, &topic);
        (void)topic_parse_filter(cut, &topic);
        exact_free(cut);
    }
}

static void test_prefixes(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(topics); i++) {
        check_prefixes(&topics[i]);
    }
    for (size_t i = 0; i < COUNT(filters); i++) {
        check_prefixes(&filters[i]);
    }
    for (size_t i = 0; i < COUNT(distinct); i++) {
        check_prefixes(&distinct[i]);
    }
}

static bool listed(const struct row *rows, size_t count, const char *text) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].text, text) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const words[] = {
    "dm",     "server",   "user",  "channel",  "5",    "0",   "+", "#",      "send", "read",
    "typing", "messages", "inbox", "presence", "sync", "tag", "",  "errors", "token"};

/* Every word of those above is a tag, but for these. */
static bool is_sync_reply(const char *text) {
    const char *tag = text + strlen("user/5/sync/");

    return strncmp(text, "user/5/sync/", strlen("user/5/sync/")) == 0 && tag[0] &&
           !strpbrk(tag, "+#/");
}

static void check_said(const char *text, size_t counts[2]) {
    struct topic topic;
    bool is_topic = topic_parse(str_of(text), &topic);
    bool is_filter = topic_parse_filter(str_of(text), &topic);

    assert_true(is_filter || !is_topic);
    if (is_topic && !listed(topics, COUNT(topics), text) && !is_sync_reply(text)) {
        fail_msg("topic %s", text);
    }
    if (is_filter && !is_topic && !listed(filters, COUNT(filters), text)) {
        fail_msg("filter %s", text);
    }
    counts[0] += is_topic;
    counts[1] += is_filter && !is_topic;
}

static void say_all(const char *front, int levels, size_t counts[2]) {
    size_t total = 1;

    for (int level = 0; level < levels; level++) {
        total *= COUNT(words);
    }
    for (size_t n = 0; n < total; n++) {
        char text[100];
        size_t rest = n;

        strcpy(text, front);
        for (int level = 0; level < levels; level++) {
            strcat(strcat(text, level ? "/" : ""), words[rest % COUNT(words)]);
            rest /= COUNT(words);
        }
        check_said(text, counts);
    }
}

/* All that can be said in these words: what is in the two tables, and nothing else. */
static void test_every_combination(void **state) {
    const size_t tags = COUNT(words) - 3; /* without "", "+" and "#" */
    size_t counts[2] = {0};

    (void)state;
    for (int levels = 1; levels <= 5; levels++) {
        say_all("", levels, counts);
    }
    say_all("server/5/channel/5/", 2, counts);
    say_all("server/5/channel/5/", 3, counts);
    assert_int_equal(counts[0], COUNT(topics) - 1 + tags);
    assert_int_equal(counts[1], COUNT(filters));
}

static void test_written_topics_are_read_back(void **state) {
    static const int64_t ids[] = {1, 5, 1234567890123456789, INT64_MAX};
    static const enum topic_scope scopes[] = {[ROOM_DM] = TOPIC_DM,
                                              [ROOM_SERVER] = TOPIC_SERVER,
                                              [ROOM_CHANNEL] = TOPIC_CHANNEL,
                                              [ROOM_INBOX] = TOPIC_USER};
    struct topic topic;
    char text[TOPIC_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(ids); i++) {
        for (int kind = ROOM_DM; kind <= ROOM_INBOX; kind++) {
            topic_messages(text, (enum room_kind)kind, ids[i], INT64_MAX);
            assert_true(topic_parse(str_of(text), &topic));
            assert_int_equal(topic.scope, scopes[kind]);
            assert_int_equal(topic.verb, kind == ROOM_INBOX ? TOPIC_INBOX : TOPIC_MESSAGES);
            assert_int_equal(topic.id, ids[i]);
            assert_int_equal(topic.server, kind == ROOM_CHANNEL ? INT64_MAX : 0);
        }
        topic_read_mark(text, ROOM_CHANNEL, ids[i], INT64_MAX, INT64_MAX - 1);
        assert_true(topic_parse(str_of(text), &topic));
        assert_int_equal(topic.verb, TOPIC_READ_MARK);
        assert_int_equal(topic.id, ids[i]);
        assert_int_equal(topic.who, INT64_MAX - 1);
        topic_presence(text, ids[i]);
        assert_true(topic_parse(str_of(text), &topic));
        assert_int_equal(topic.verb, TOPIC_PRESENCE);
        topic_sync_reply(text, ids[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123");
        assert_true(topic_parse(str_of(text), &topic));
        assert_int_equal(topic.verb, TOPIC_SYNC_REPLY);
        topic_errors(text, ids[i]);
        assert_true(topic_parse(str_of(text), &topic));
        assert_int_equal(topic.verb, TOPIC_ERRORS);
        assert_int_equal(topic.id, ids[i]);
    }
}

static void test_rooms_are_written(void **state) {
    char text[TOPIC_MAX];

    (void)state;
    topic_room(text, ROOM_DM, 5, 0);
    assert_string_equal(text, "dm/5");
    topic_room(text, ROOM_SERVER, 5, 0);
    assert_string_equal(text, "server/5");
    topic_room(text, ROOM_CHANNEL, 7, 5);
    assert_string_equal(text, "server/5/channel/7");
    topic_room(text, ROOM_INBOX, 5, 0);
    assert_string_equal(text, "user/5");
}

static void test_requests(void **state) {
    static const enum topic_verb requests[] = {TOPIC_SEND, TOPIC_READ, TOPIC_TOKEN, TOPIC_SYNC};

    (void)state;
    for (int verb = TOPIC_SEND; verb <= TOPIC_ALL; verb++) {
        bool expected = false;

        for (size_t i = 0; i < COUNT(requests); i++) {
            expected = expected || verb == (int)requests[i];
        }
        assert_int_equal(topic_is_request((enum topic_verb)verb), expected);
    }
}

static void test_tags(void **state) {
    static const struct {
        const char *tag;
        bool good;
    } tags[] = {{"a", true},  {"_-aZ09", true}, {"ABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123", true},
                {"", false},  {"a b", false},   {"ABCDEFGHIJKLMNOPQRSTUVWXYZ_-01234", false},
                {"+", false}, {"#", false},     {"a/b", false},
                {".", false}, {"a\"b", false},  {"\xc3\xa4", false}};

    (void)state;
    for (size_t i = 0; i < COUNT(tags); i++) {
        struct str tag = exact(tags[i].tag);

        assert_int_equal(topic_tag(tag), tags[i].good);
        exact_free(tag);
    }
    assert_false(topic_tag((struct str){"a\0", 2}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nul_is_no_end),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_every_combination),
        cmocka_unit_test(test_written_topics_are_read_back),
        cmocka_unit_test(test_rooms_are_written),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_tags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
