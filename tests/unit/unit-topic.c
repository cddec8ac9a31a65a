/* Topics and filters: which are ours, and what they say. */
#include "unit.h"

#include <stdio.h>

#include "topic.h"

struct row {
    const char *text;
    enum topic_scope scope;
    enum topic_verb verb;
    int64_t id, server;
};

/* The whole of the contract, with its ids. */
static const struct row topics[] = {
    {"dm/5/send", TOPIC_DM, TOPIC_SEND, 5, 0},
    {"dm/5/messages", TOPIC_DM, TOPIC_MESSAGES, 5, 0},
    {"server/5/send", TOPIC_SERVER, TOPIC_SEND, 5, 0},
    {"server/5/messages", TOPIC_SERVER, TOPIC_MESSAGES, 5, 0},
    {"server/5/channel/7/send", TOPIC_CHANNEL, TOPIC_SEND, 7, 5},
    {"server/5/channel/7/messages", TOPIC_CHANNEL, TOPIC_MESSAGES, 7, 5},
    {"user/5/inbox", TOPIC_USER, TOPIC_INBOX, 5, 0},
    {"user/5/errors", TOPIC_USER, TOPIC_ERRORS, 5, 0},
    {"dm/9223372036854775807/send", TOPIC_DM, TOPIC_SEND, INT64_MAX, 0},
    {"server/9223372036854775807/channel/9223372036854775806/messages", TOPIC_CHANNEL,
     TOPIC_MESSAGES, INT64_MAX - 1, INT64_MAX},
};

static const struct row filters[] = {
    {"dm/5/#", TOPIC_DM, TOPIC_ALL, 5, 0},
    {"dm/5/+", TOPIC_DM, TOPIC_ALL, 5, 0},
    {"dm/5/+/+", TOPIC_DM, TOPIC_ALL, 5, 0},
    {"dm/5/+/#", TOPIC_DM, TOPIC_ALL, 5, 0},
    {"server/5/#", TOPIC_SERVER, TOPIC_ALL, 5, 0},
    {"server/5/+", TOPIC_SERVER, TOPIC_ALL, 5, 0},
    {"server/5/+/+", TOPIC_SERVER, TOPIC_ALL, 5, 0},
    {"server/5/+/#", TOPIC_SERVER, TOPIC_ALL, 5, 0},
    {"server/5/channel/7/#", TOPIC_CHANNEL, TOPIC_ALL, 7, 5},
    {"server/5/channel/7/+", TOPIC_CHANNEL, TOPIC_ALL, 7, 5},
    {"user/5/#", TOPIC_USER, TOPIC_ALL, 5, 0},
    {"user/5/+", TOPIC_USER, TOPIC_ALL, 5, 0},
    {"user/5/+/+", TOPIC_USER, TOPIC_ALL, 5, 0},
    {"user/5/+/#", TOPIC_USER, TOPIC_ALL, 5, 0},
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
    "dm/5/typing/5",
    "dm/5/read",
    "dm/5/channel/7/send",
    "user/5/send",
    "user/5/messages",
    "user/5/inbox/x",
    "user/5",
    "user/0/inbox",
    "user/5/token",
    "user/5/sync",
    "user/5/presence",
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
    "server/5/channel/7/+/+",
    "dm/5/messages/#",
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
}

static void test_topics(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(topics); i++) {
        assert_reads(topic_parse, &topics[i]);
        assert_reads(topic_parse_filter, &topics[i]);
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

/* Every prefix of every topic and filter, each at the end of its block. */
static void test_prefixes(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(filters); i++) {
        for (size_t len = 0; len <= strlen(topics[i % COUNT(topics)].text); len++) {
            struct str cut = exact_bytes(topics[i % COUNT(topics)].text, len);
            struct topic topic;

            assert_int_equal(topic_parse(cut, &topic), cut.len == strlen(topics[i % 10].text));
            exact_free(cut);
        }
        for (size_t len = 0; len <= strlen(filters[i].text); len++) {
            struct str cut = exact_bytes(filters[i].text, len);
            struct topic topic;

            (void)topic_parse_filter(cut, &topic);
            exact_free(cut);
        }
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

/* All that can be said in up to five levels of these words: what is in the two tables, and nothing
 * else. */
static void test_every_combination(void **state) {
    static const char *const words[] = {"dm",       "server", "user", "channel", "5",
                                        "7",        "0",      "+",    "#",       "send",
                                        "messages", "inbox",  "",     "errors",  "x"};
    size_t total = 1;

    (void)state;
    for (int levels = 1; levels <= 5; levels++) {
        total *= COUNT(words);
        for (size_t n = 0; n < total; n++) {
            char text[64] = "";
            struct topic topic;
            size_t rest = n;

            for (int level = 0; level < levels; level++) {
                strcat(strcat(text, level ? "/" : ""), words[rest % COUNT(words)]);
                rest /= COUNT(words);
            }
            /* The tables know rooms as 5 and channels as 7. */
            bool plain = strncmp(text, "dm/7", 4) != 0 && strncmp(text, "user/7", 6) != 0 &&
                         strncmp(text, "server/7", 8) != 0 && !strstr(text, "channel/5");
            bool is_topic = topic_parse(str_of(text), &topic);
            bool is_filter = topic_parse_filter(str_of(text), &topic);
            assert_true(is_filter || !is_topic);
            if (plain && is_topic != listed(topics, COUNT(topics), text)) {
                fail_msg("topic %s", text);
            }
            if (plain && is_filter && !is_topic && !listed(filters, COUNT(filters), text)) {
                fail_msg("filter %s", text);
            }
        }
    }
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
