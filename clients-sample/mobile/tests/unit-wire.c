/* What a server may say, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire.h"

static json_t *parse(const char *text) { return wire_parse(text, strlen(text)); }

static void ids(void **state) {
    static const char *const bad[] = {"\"0\"",
                                      "\"01\"",
                                      "\"-1\"",
                                      "\"+1\"",
                                      "\"\"",
                                      "\" 1\"",
                                      "\"1 \"",
                                      "\"9223372036854775808\"",
                                      "\"99999999999999999999\"",
                                      "1",
                                      "null",
                                      "[]",
                                      "\"1e3\""};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *value = json_loads(bad[i], JSON_DECODE_ANY, NULL);

        assert_int_equal(wire_id(value), 0);
        json_decref(value);
    }
    json_t *value = json_string("9223372036854775807");
    assert_true(wire_id(value) == INT64_MAX);
    json_decref(value);
}

static int64_t time_of(const char *text) {
    json_t *value = json_string(text);
    int64_t time = wire_time(value);

    json_decref(value);
    return time;
}

static void times(void **state) {
    (void)state;
    assert_true(time_of("1970-01-01T00:00:00.001Z") == 1);
    assert_true(time_of("2026-01-31T09:30:00.125Z") == 1769851800125);
    assert_true(time_of("2024-02-29T23:59:59.999Z") == 1709251199999);
    assert_true(time_of("2000-03-01T00:00:00.000Z") == 951868800000);
    assert_true(time_of("2026-13-31T09:30:00.125Z") == 0);
    assert_true(time_of("2026-01-31 09:30:00.125Z") == 0);
    assert_true(time_of("2026-01-31T09:30:00.125") == 0);
    assert_true(time_of("2026-01-31T09:30:00.125Z ") == 0);
    assert_true(time_of("") == 0);
}

static bool takes(const char *text, hum_message *ret_message) {
    struct wire_batch batch = {0};
    json_t *object = parse(text);
    bool taken = wire_batch_add(&batch, object);

    if (taken && ret_message) {
        *ret_message = batch.items[0];
        ret_message->kind = NULL; /* they end with the batch */
    }
    wire_batch_clear(&batch);
    json_decref(object);
    return taken;
}

#define HEAD "\"room\":\"5\",\"seq\":7,\"id\":\"9\",\"sent_at\":\"2026-01-31T09:30:00.125Z\""

static void messages(void **state) {
    hum_message message;

    (void)state;
    assert_true(takes("{" HEAD ",\"kind\":\"text\",\"from\":\"3\",\"nonce\":\"n\",\"text\":\"hi\"}",
                      &message));
    assert_true(message.room == 5 && message.seq == 7 && message.id == 9 && message.from == 3);
    assert_true(takes("{" HEAD ",\"kind\":\"dm_opened\",\"data\":{\"dm_id\":\"4\"}}", NULL));
    assert_false(takes("{" HEAD ",\"from\":\"3\"}", NULL));
    assert_false(takes("{" HEAD ",\"kind\":\"Text\"}", NULL));
    assert_false(takes("{" HEAD ",\"kind\":\"\"}", NULL));
    assert_false(takes("{" HEAD ",\"kind\":5}", NULL));
    assert_false(takes("{" HEAD ",\"kind\":\"text\",\"text\":5}", NULL));
    assert_false(takes("{" HEAD ",\"kind\":\"text\",\"data\":[]}", NULL));
    assert_false(takes("[]", NULL));
    assert_false(takes("{}", NULL));
    assert_false(takes("{\"room\":\"5\",\"seq\":0,\"id\":\"9\",\"kind\":\"text\"}", NULL));
    assert_false(
        takes("{\"room\":\"5\",\"seq\":9007199254740992,\"id\":\"9\",\"kind\":\"text\"}", NULL));
}

static bool is_room(const char *kind, const char *topic, const char *id) {
    char text[512];
    store_room room;

    (void)snprintf(text, sizeof text,
                   "{\"id\":\"%s\",\"kind\":\"%s\",\"topic\":\"%s\",\"title\":null,\"last_seq\":1,"
                   "\"read_seq\":0,\"unread\":1,\"can_send\":true}",
                   id, kind, topic);
    json_t *object = parse(text);
    bool good = wire_room(object, &room);

    json_decref(object);
    return good;
}

/* A topic becomes a filter: it must not name anything but the room. */
static void rooms(void **state) {
    (void)state;
    assert_true(is_room("dm", "dm/5", "5"));
    assert_true(is_room("server", "server/7", "7"));
    assert_true(is_room("channel", "server/7/channel/9", "9"));
    assert_true(is_room("inbox", "user/1", "1"));
    assert_false(is_room("dm", "dm/6", "5"));
    assert_false(is_room("dm", "dm/+", "5"));
    assert_false(is_room("dm", "dm/5/#", "5"));
    assert_false(is_room("dm", "#", "5"));
    assert_false(is_room("channel", "server/+/channel/9", "9"));
    assert_false(is_room("channel", "server/7/8/channel/9", "9"));
    assert_false(is_room("channel", "server//channel/9", "9"));
    assert_false(is_room("cafe", "cafe/5", "5"));
}

static void topics(void **state) {
    static const struct {
        const char *topic;
        enum wire_verb verb;
        int64_t room, user;
    } rows[] = {
        {"dm/5/messages", WIRE_MESSAGES, 5, 0},
        {"server/7/messages", WIRE_MESSAGES, 7, 0},
        {"server/7/channel/9/messages", WIRE_MESSAGES, 9, 0},
        {"server/7/channel/9/typing/3", WIRE_TYPING, 9, 3},
        {"dm/5/read/3", WIRE_READ, 5, 3},
        {"user/1/inbox", WIRE_MESSAGES, 1, 0},
        {"user/1/errors", WIRE_ERRORS, 1, 0},
        {"user/1/presence", WIRE_PRESENCE, 1, 0},
        {"user/1/sync/abc", WIRE_SYNC, 1, 0},
        {"dm/5/read", WIRE_OTHER, 0, 0},
        {"dm/5/typing/", WIRE_OTHER, 0, 0},
        {"dm/5/messages/3", WIRE_OTHER, 0, 0},
        {"dm//messages", WIRE_OTHER, 0, 0},
        {"user/x/inbox", WIRE_OTHER, 0, 0},
        {"user/1/inbox/2", WIRE_OTHER, 0, 0},
        {"user/1", WIRE_OTHER, 0, 0},
        {"", WIRE_OTHER, 0, 0},
        {"a/b/c/d/e/f/g/h/i/j", WIRE_OTHER, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire_topic topic = wire_topic(rows[i].topic);

        assert_int_equal(topic.verb, rows[i].verb);
        if (topic.verb != WIRE_OTHER) {
            assert_true(topic.room == rows[i].room && topic.user == rows[i].user);
        }
    }
}

static void addresses(void **state) {
    struct wire_address address;

    (void)state;
    assert_true(wire_address("mqtt://127.0.0.1:1883", &address));
    assert_true(!address.tls && address.port == 1883 && strcmp(address.host, "127.0.0.1") == 0);
    assert_true(wire_address("mqtts://chat.example:8883", &address) && address.tls);
    assert_true(wire_address("mqtt://[::1]:1883", &address) && strcmp(address.host, "::1") == 0);
    assert_false(wire_address("http://a:1", &address));
    assert_false(wire_address("mqtt://a", &address));
    assert_false(wire_address("mqtt://:1883", &address));
    assert_false(wire_address("mqtt://a:0", &address));
    assert_false(wire_address("mqtt://a:65536", &address));
    assert_false(wire_address("mqtt://a/b:1883", &address));
}

static void sessions(void **state) {
    static const char text[] = "{\"user\":{\"id\":\"1\",\"nickname\":\"alice\"},\"session_id\":"
                               "\"2\",\"access_token\":\"a\","
                               "\"expires_in\":900,\"refresh_token\":\"r\",\"mqtt\":{\"client_id\":"
                               "\"2\",\"username\":\"1\","
                               "\"password\":\"p\",\"expires_in\":60,\"tcp\":\"mqtt://a:1\"}}";
    store_session session;
    json_t *object = parse(text);

    (void)state;
    assert_true(wire_session(object, 1000, &session));
    assert_true(session.access_until == 901000 && session.mqtt_until == 61000);
    store_session_free(&session);
    json_object_del(json_object_get(object, "mqtt"), "tcp");
    assert_false(wire_session(object, 1000, &session));
    json_decref(object);
    assert_false(wire_session(NULL, 1000, &session));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),      cmocka_unit_test(times),  cmocka_unit_test(messages),
        cmocka_unit_test(rooms),    cmocka_unit_test(topics), cmocka_unit_test(addresses),
        cmocka_unit_test(sessions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
