/* Verdicts: a table of every scope, verb and right, and the rows that the tests of the broker try
 * on a running system. */
#include "unit.h"

#include <stdio.h>

#include "authz.h"

/* ---- A table ---- */

enum {
    ME = 1,
    FRIEND = 2,
    DM = 5,
    OLD_DM = 6,
    SERVER = 7,
    OWN_SERVER = 8,
    CHANNEL = 9,
    STRANGE = 99
};

static struct access_set *set_of(int64_t user, const struct access_right *rights, size_t count) {
    struct access_set *set = access_set_new(user);

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(access_set_right(set, &rights[i]), HUM_OK);
    }
    return set;
}

static struct access_set *my_set(void) {
    static const struct access_right rights[] = {
        {.room = ME, .kind = ROOM_INBOX, .rights = ACCESS_READ},
        {.room = DM, .kind = ROOM_DM, .rights = ACCESS_READ | ACCESS_SEND},
        {.room = OLD_DM, .kind = ROOM_DM, .rights = ACCESS_READ},
        {.room = SERVER, .kind = ROOM_SERVER, .rights = ACCESS_READ},
        {.room = OWN_SERVER, .kind = ROOM_SERVER, .rights = ACCESS_READ | ACCESS_SEND},
        {.room = CHANNEL,
         .server = OWN_SERVER,
         .kind = ROOM_CHANNEL,
         .rights = ACCESS_READ | ACCESS_SEND},
    };

    struct access_set *set = set_of(ME, rights, COUNT(rights));

    assert_int_equal(access_set_friend(set, FRIEND), HUM_OK);
    return set;
}

static const struct {
    const char *filter; /* or topic */
    enum hum_status subscribe, read, write;
} verdicts[] = {
    {"dm/5/messages", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"dm/5/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_OK},
    {"dm/6/messages", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"dm/6/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_NOT_FRIENDS},
    {"dm/99/messages", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"dm/99/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"server/7/messages", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"server/7/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_NOT_OWNER},
    {"server/8/messages", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"server/8/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_OK},
    {"server/8/channel/9/messages", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"server/8/channel/9/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_OK},
    {"server/8/channel/99/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"user/1/inbox", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"user/1/errors", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"user/2/inbox", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"user/2/errors", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"user/5/inbox", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    /* typing: who may send, under the own name; heard by readers */
    {"dm/5/typing/1", HUM_OK, HUM_OK, HUM_OK},
    {"dm/5/typing/2", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"dm/6/typing/1", HUM_OK, HUM_OK, HUM_NOT_FRIENDS},
    {"dm/99/typing/1", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"server/7/typing/1", HUM_OK, HUM_OK, HUM_NOT_OWNER},
    {"server/8/channel/9/typing/1", HUM_OK, HUM_OK, HUM_OK},
    /* read marks: any reader; told by the plugin alone */
    {"dm/5/read", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_OK},
    {"dm/6/read", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_OK},
    {"dm/99/read", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"server/7/read", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_OK},
    {"dm/5/read/1", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"dm/5/read/2", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"dm/99/read/1", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"dm/7/read", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    /* presence: oneself and friends; told by the plugin alone */
    {"user/1/presence", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"user/2/presence", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"user/3/presence", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    /* one's own requests and their answers */
    {"user/1/token", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_OK},
    {"user/1/sync", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_OK},
    {"user/1/sync/a", HUM_OK, HUM_OK, HUM_FORBIDDEN},
    {"user/2/token", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"user/2/sync", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"user/2/sync/a", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    /* a room under a name of another kind */
    {"dm/1/messages", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"dm/7/messages", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"dm/8/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"dm/9/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"server/5/messages", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"server/5/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"server/9/messages", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"server/1/messages", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"server/8/channel/5/messages", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
    {"server/8/channel/8/send", HUM_FORBIDDEN, HUM_FORBIDDEN, HUM_FORBIDDEN},
};

static const struct {
    const char *filter;
    enum hum_status subscribe;
} wild[] = {
    {"dm/5/#", HUM_OK},
    {"dm/5/+", HUM_OK},
    {"dm/5/+/#", HUM_OK},
    {"dm/6/#", HUM_OK},
    {"dm/99/#", HUM_FORBIDDEN},
    {"dm/7/#", HUM_FORBIDDEN},
    {"server/7/#", HUM_OK},
    {"server/8/#", HUM_OK},
    {"server/8/channel/9/#", HUM_OK},
    {"server/9/#", HUM_FORBIDDEN},
    {"server/5/#", HUM_FORBIDDEN},
    {"server/8/channel/99/#", HUM_FORBIDDEN},
    {"user/1/#", HUM_OK},
    {"user/1/+", HUM_OK},
    {"user/2/#", HUM_FORBIDDEN},
    {"user/5/+", HUM_FORBIDDEN},
    {"dm/5/typing/+", HUM_OK},
    {"dm/99/typing/#", HUM_FORBIDDEN},
    {"dm/5/read/#", HUM_OK},
    {"dm/99/read/+", HUM_FORBIDDEN},
    {"user/1/sync/+", HUM_OK},
    {"user/2/sync/#", HUM_FORBIDDEN},

};

static void test_table(void **state) {
    struct access_set *set = my_set();

    (void)state;
    for (size_t i = 0; i < COUNT(verdicts); i++) {
        struct topic topic;

        assert_true(topic_parse(str_of(verdicts[i].filter), &topic));
        if (authz_verdict(set, AUTHZ_SUBSCRIBE, &topic) != verdicts[i].subscribe ||
            authz_verdict(set, AUTHZ_READ, &topic) != verdicts[i].read ||
            authz_verdict(set, AUTHZ_WRITE, &topic) != verdicts[i].write) {
            fail_msg("%s", verdicts[i].filter);
        }
    }
    for (size_t i = 0; i < COUNT(wild); i++) {
        struct topic topic;

        assert_true(topic_parse_filter(str_of(wild[i].filter), &topic));
        if (authz_verdict(set, AUTHZ_SUBSCRIBE, &topic) != wild[i].subscribe) {
            fail_msg("%s", wild[i].filter);
        }
        assert_int_equal(authz_verdict(set, AUTHZ_WRITE, &topic), HUM_FORBIDDEN);
    }
    access_set_free(set);
}

/* Without rights nothing is allowed: no set, an empty one, a right to send but not to read. */
static void test_closed(void **state) {
    static const struct access_right send_only[] = {
        {.room = DM, .kind = ROOM_DM, .rights = ACCESS_SEND},
        {.room = OWN_SERVER, .kind = ROOM_SERVER, .rights = ACCESS_SEND},
    };
    struct access_set *empty = access_set_new(STRANGE);
    struct access_set *odd = set_of(STRANGE, send_only, COUNT(send_only));

    (void)state;
    for (size_t i = 0; i < COUNT(verdicts); i++) {
        struct topic topic;

        assert_true(topic_parse(str_of(verdicts[i].filter), &topic));
        for (int action = AUTHZ_SUBSCRIBE; action <= AUTHZ_WRITE; action++) {
            assert_int_equal(authz_verdict(NULL, (enum authz_action)action, &topic), HUM_FORBIDDEN);
            assert_int_equal(authz_verdict(empty, (enum authz_action)action, &topic),
                             HUM_FORBIDDEN);
            assert_int_equal(authz_verdict(odd, (enum authz_action)action, &topic), HUM_FORBIDDEN);
        }
    }
    access_set_free(empty);
    access_set_free(odd);
}

/* ---- The rows: topic, action, who, verdict ---- */

/* People, their DMs and servers, as the heads of dm.rows and server.rows tell them. */
static const struct {
    const char *name;
    int64_t id;
} names[] = {{"alice", 11},  {"bob", 12},       {"carol", 13},   {"dave", 14},   {"erin", 15},
             {"frank", 16},  {"cut", 24},       {"dm", 21},      {"old", 22},    {"other", 23},
             {"none", 1000}, {"server", 31},    {"channel", 32}, {"second", 33}, {"foreign", 34},
             {"theirs", 35}, {"private", 36},   {"gone", 37},    {"closed", 38}, {"owner", 41},
             {"inside", 42}, {"elsewhere", 43}, {"member", 44},  {"left", 45},   {"kicked", 46},
             {"banned", 47}};

static const struct {
    const char *who;
    struct access_right right;
} granted[] = {
    {"alice", {.room = 21, .kind = ROOM_DM, .rights = 3}},
    {"alice", {.room = 22, .kind = ROOM_DM, .rights = 1}},
    {"bob", {.room = 21, .kind = ROOM_DM, .rights = 3}},
    {"carol", {.room = 23, .kind = ROOM_DM, .rights = 3}},
    {"dave", {.room = 23, .kind = ROOM_DM, .rights = 3}},
    {"erin", {.room = 22, .kind = ROOM_DM, .rights = 1}},
    {"alice", {.room = 24, .kind = ROOM_DM, .rights = 1}},
    {"frank", {.room = 24, .kind = ROOM_DM, .rights = 1}},
    {"owner", {.room = 31, .kind = ROOM_SERVER, .rights = 3}},
    {"inside", {.room = 31, .kind = ROOM_SERVER, .rights = 1}},
    {"inside", {.room = 32, .server = 31, .kind = ROOM_CHANNEL, .rights = 3}},
    {"inside", {.room = 34, .kind = ROOM_SERVER, .rights = 1}},
    {"elsewhere", {.room = 31, .kind = ROOM_SERVER, .rights = 1}},
    {"elsewhere", {.room = 33, .server = 31, .kind = ROOM_CHANNEL, .rights = 3}},
    {"member", {.room = 31, .kind = ROOM_SERVER, .rights = 1}},
    {"carol", {.room = 34, .kind = ROOM_SERVER, .rights = 3}},
    {"carol", {.room = 35, .server = 34, .kind = ROOM_CHANNEL, .rights = 3}},
    {"carol", {.room = 36, .kind = ROOM_SERVER, .rights = 3}},
};

/* What happens in the tests of the broker, and could be heard. */
static const char *const spoken[] = {
    "dm/21/messages",
    "dm/21/send",
    "user/11/inbox",
    "user/11/errors",
    "server/31/send",
    "server/31/messages",
    "server/31/channel/32/send",
    "server/31/channel/32/messages",
};
static const char *const spoken_in_channel[] = {"server/31/channel/32/send",
                                                "server/31/channel/32/messages"};

static int64_t id_of(struct str name) {
    for (size_t i = 0; i < COUNT(names); i++) {
        if (str_equal(name, str_of(names[i].name))) {
            return names[i].id;
        }
    }
    fail_msg("the rows name {%.*s}", (int)name.len, name.data);
    return 0;
}

/* "{dm}" becomes an id. */
static void fill_in(const char *from, char *to, size_t size) {
    size_t len = 0;

    while (*from) {
        const char *end = *from == '{' ? strchr(from, '}') : NULL;

        if (end) {
            int64_t id = id_of((struct str){from + 1, (size_t)(end - from - 1)});

            len += (size_t)snprintf(to + len, size - len, "%lld", (long long)id);
            from = end + 1;
        } else {
            to[len++] = *from++;
        }
        assert_true(len < size);
    }
    to[len] = '\0';
}

static struct access_set *set_of_person(const char *who) {
    struct access_set *set = access_set_new(id_of(str_of(who)));
    const struct access_right inbox = {.room = set->user, .kind = ROOM_INBOX, .rights = 1};

    assert_int_equal(access_set_right(set, &inbox), HUM_OK);
    for (size_t i = 0; i < COUNT(granted); i++) {
        if (strcmp(granted[i].who, who) == 0) {
            assert_int_equal(access_set_right(set, &granted[i].right), HUM_OK);
        }
    }
    return set;
}

/* MQTT 3.1.1, section 4.7. */
static bool matches(const char *filter, const char *topic) {
    for (;;) {
        size_t f = strcspn(filter, "/"), t = strcspn(topic, "/");

        if (strcmp(filter, "#") == 0) {
            return true;
        }
        if (!(f == 1 && filter[0] == '+') && (f != t || memcmp(filter, topic, f) != 0)) {
            return false;
        }
        // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): both end in a NUL
        if (filter[f] == '\0' || topic[t] == '\0') {
            return strcmp(filter + f, topic + t) == 0 || strcmp(filter + f, "/#") == 0;
        }
        filter += f + 1;
        topic += t + 1;
    }
}

static bool may_subscribe(const struct access_set *set, const char *filter) {
    struct topic topic;

    return topic_parse_filter(str_of(filter), &topic) &&
           authz_verdict(set, AUTHZ_SUBSCRIBE, &topic) == HUM_OK;
}

static bool may_hear(const struct access_set *set, const char *filter, const char *const *topics,
                     size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct topic topic;

        assert_true(topic_parse(str_of(topics[i]), &topic));
        if (matches(filter, topics[i]) && authz_verdict(set, AUTHZ_READ, &topic) == HUM_OK) {
            return may_subscribe(set, filter);
        }
    }
    return false;
}

static bool may_publish(const struct access_set *set, const char *text) {
    struct topic topic;

    return topic_parse(str_of(text), &topic) && authz_verdict(set, AUTHZ_WRITE, &topic) == HUM_OK;
}

/* 1 when the row is for this test, which knows no retain bit and no will. */
static int try_row(const char *path, int line, char *words[4]) {
    char topic[300];
    bool allowed;

    fill_in(words[0], topic, sizeof topic);
    struct access_set *set = set_of_person(words[2]);
    bool expected = strcmp(words[3], "allow") == 0;
    if (strcmp(words[1], "subscribe") == 0) {
        allowed = may_subscribe(set, topic);
    } else if (strcmp(words[1], "hear") == 0) {
        allowed = may_hear(set, topic, spoken, COUNT(spoken));
    } else if (strcmp(words[1], "hear-channel") == 0) {
        allowed = may_hear(set, topic, spoken_in_channel, COUNT(spoken_in_channel));
    } else if (strcmp(words[1], "publish") == 0 || strcmp(words[1], "mark") == 0) {
        allowed = may_publish(set, topic);
    } else {
        access_set_free(set);
        return 0;
    }
    access_set_free(set);
    if (allowed != expected) {
        fail_msg("%s:%d: %s %s %s is %s", path, line, words[0], words[1], words[2],
                 allowed ? "allowed" : "denied");
    }
    return 1;
}

static int try_file(const char *name) {
    char path[4096], line[500];
    int number = 0, tried = 0;

    snprintf(path, sizeof path, "%s/%s", HUM_AUTHZ_ROWS, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        return 0;
    }
    while (fgets(line, sizeof line, file)) {
        char *words[4], *rest = line;

        number++;
        for (size_t i = 0; i < 4; i++) {
            words[i] = strtok_r(i ? NULL : line, " \t\r\n", &rest);
        }
        if (words[3] && words[0][0] != ';') {
            tried += try_row(name, number, words);
        }
    }
    fclose(file);
    return tried;
}

static void test_rows(void **state) {
    (void)state;
    int tried = try_file("dm.rows") + try_file("user.rows") + try_file("server.rows");

    assert_true(tried > 400); /* also where a file is missing */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
