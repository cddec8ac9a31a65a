/*
 * What a figure of hum-load rests on: the histogram, the reading of echoes, the packet codec, who
 * is with whom.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "credentials.h"
#include "hist.h"
#include "message.h"
#include "mqtt.h"
#include "shape.h"
#include "websocket.h"

static void assert_near(uint64_t value, uint64_t expected) {
    uint64_t slack = expected / 50;
    assert_in_range(value, expected - slack, expected + slack);
}

static void quantiles_are_close(void **state) {
    (void)state;
    struct hist hist = {0};
    for (uint64_t i = 1; i <= 100000; i++)
        hist_record(&hist, i * 1000);
    assert_near(hist_quantile(&hist, 0.5), 50000000);
    assert_near(hist_quantile(&hist, 0.99), 99000000);
    assert_int_equal(hist_quantile(&hist, 1.0), 100000000);
    assert_int_equal(hist.max, 100000000);
}

static void extremes_have_a_bucket(void **state) {
    (void)state;
    struct hist hist = {0};
    assert_int_equal(hist_quantile(&hist, 0.5), 0);
    hist_record(&hist, 0);
    assert_int_equal(hist_quantile(&hist, 0.5), 0);
    hist_record(&hist, UINT64_MAX);
    hist_record(&hist, UINT64_MAX);
    assert_true(hist_quantile(&hist, 0.9) > UINT64_C(60000000000));
}

static void merging_adds_up(void **state) {
    (void)state;
    struct hist low = {0};
    struct hist high = {0};
    for (unsigned i = 0; i < 90; i++)
        hist_record(&low, 1000);
    for (unsigned i = 0; i < 10; i++)
        hist_record(&high, 1000000);
    hist_merge(&low, &high);
    assert_int_equal(low.count, 100);
    assert_near(hist_quantile(&low, 0.89), 1000);
    assert_near(hist_quantile(&low, 0.91), 1000000);
    assert_int_equal(low.max, 1000000);
}

static void a_send_is_read_back(void **state) {
    (void)state;
    for (uint64_t n = 0; n < 100; n++) {
        char json[MESSAGE_CAP];
        size_t len = message_write(json, "bff", 31, n);
        struct echo echo;
        assert_true(message_read(json, len, "bff", &echo));
        assert_int_equal(echo.sender, 31);
        assert_int_equal(echo.n, n);
        assert_int_equal(echo.seq, 0);
        for (size_t cut = 0; cut < len; cut++)
            assert_false(message_read(json, cut, "bff", &echo));
        assert_false(message_read(json, len, "bf", &echo));
        assert_false(message_read(json, len, "bfe", &echo));
    }
}

static void echoes_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *json;
        bool ours;
    } rows[] = {
        {"{\"room\":\"5\",\"seq\":7,\"id\":\"9\",\"kind\":\"text\",\"nonce\":\"b1-2-3\"}", true},
        {" { \"nonce\" : \"b1-2-3\" , \"seq\" : 7 } ", true},
        {"{\"text\":\"\\\\\\\",\\\"nonce\\\":\\\"b1-9-9\",\"seq\":7,\"nonce\":\"b1-2-3\"}", true},
        {"{\"data\":{\"seq\":1,\"a\":[{\"b\":\"]}\"}]},\"seq\":7,\"nonce\":\"b1-2-3\"}", true},
        {"{\"x\":null,\"y\":-1.5e3,\"seq\":7,\"nonce\":\"b1-2-3\"}", true},
        {"{\"seq\":7,\"nonce\":\"b1-2-3x\"}", false},
        {"{\"seq\":7,\"nonce\":\"b1--3\"}", false},
        {"{\"seq\":\"7\",\"nonce\":\"b1-2-3\"}", false},
        {"{\"seq\":7}", false},
        {"{}", false},
        {"[]", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct echo echo;
        assert_int_equal(message_read(rows[i].json, strlen(rows[i].json), "b1", &echo),
                         rows[i].ours);
        if (!rows[i].ours)
            continue;
        assert_int_equal(echo.seq, 7);
        assert_int_equal(echo.sender, 2);
        assert_int_equal(echo.n, 3);
    }
}

static void a_publish_is_read_back(void **state) {
    (void)state;
    static const char payload[300] = "payload";
    uint8_t bytes[400];
    struct mqtt_out out = {.data = bytes, .cap = sizeof(bytes)};
    struct mqtt_packet packet;
    struct mqtt_delivery delivery;
    size_t used;
    mqtt_write_publish(&out, 513, "dm/5/send", 9, payload, sizeof(payload));
    for (size_t cut = 0; cut < out.len; cut++)
        assert_int_equal(mqtt_read(bytes, cut, &packet, &used), MQTT_PARTIAL);
    assert_int_equal(mqtt_read(bytes, out.len, &packet, &used), MQTT_WHOLE);
    assert_int_equal(used, out.len);
    assert_int_equal(packet.type, MQTT_PUBLISH);
    assert_true(mqtt_read_delivery(&packet, &delivery));
    assert_int_equal(delivery.id, 513);
    assert_int_equal(delivery.qos, 1);
    assert_int_equal(delivery.topic_len, 9);
    assert_memory_equal(delivery.topic, "dm/5/send", 9);
    assert_int_equal(delivery.payload_len, sizeof(payload));
    assert_memory_equal(delivery.payload, payload, sizeof(payload));
}

static void bad_packets_are_refused(void **state) {
    (void)state;
    struct mqtt_packet packet;
    struct mqtt_delivery delivery;
    size_t used;
    assert_int_equal(
        mqtt_read((const uint8_t[]){0x30, 0xff, 0xff, 0xff, 0xff, 0x01}, 6, &packet, &used),
        MQTT_MALFORMED);
    /* A topic longer than the packet. */
    assert_int_equal(mqtt_read((const uint8_t[]){0x32, 3, 0, 9, 'a'}, 5, &packet, &used),
                     MQTT_WHOLE);
    assert_false(mqtt_read_delivery(&packet, &delivery));
    assert_int_equal(mqtt_read((const uint8_t[]){0x90, 4, 0, 1, 1, 0x80}, 6, &packet, &used),
                     MQTT_WHOLE);
    assert_false(mqtt_all_granted(&packet, 2));
}

static void a_full_buffer_sticks(void **state) {
    (void)state;
    uint8_t bytes[6];
    struct mqtt_out out = {.data = bytes, .cap = sizeof(bytes)};
    mqtt_write_puback(&out, 1);
    assert_false(out.overflow);
    mqtt_write_puback(&out, 2);
    assert_true(out.overflow);
    assert_int_equal(out.len, 4);
}

/* Reads `text` as a file. */
static const char *read_text(struct credentials *credentials, const char *text) {
    char path[] = "/tmp/unit-bench-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    const char *problem = credentials_read(credentials, path);
    unlink(path);
    return problem;
}

static void members_find_each_other(void **state) {
    (void)state;
    struct credentials all;
    assert_null(read_text(&all, "c1 u1 - 7\nc2 u2 secret 8\nc3 u3 - 7\nc4 u4 - 8\n"));
    assert_null(credentials_pair_up(&all));
    assert_int_equal(all.count, 4);
    assert_int_equal(all.items[0].peer, 2);
    assert_int_equal(all.items[1].peer, 3);
    assert_int_equal(all.items[2].peer, 0);
    assert_null(all.items[0].password);
    assert_string_equal(all.items[1].password, "secret");
    credentials_free(&all);
}

static void crowded_and_lonely_rooms_are_no_dms(void **state) {
    (void)state;
    static const char *const texts[] = {"c1 u1 - 7\nc2 u2 - 7\nc3 u3 - 7\n", "c1 u1 - 7\n"};
    for (size_t i = 0; i < 2; i++) {
        struct credentials all;
        assert_null(read_text(&all, texts[i]));
        assert_non_null(credentials_pair_up(&all));
        credentials_free(&all);
    }
}

static void bad_files_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"", "c1 u1 -\n", "c1 u1 - 7 more\n"};
    for (size_t i = 0; i < 3; i++) {
        struct credentials all;
        assert_non_null(read_text(&all, texts[i]));
        credentials_free(&all);
    }
}

static void shapes_go_by_name(void **state) {
    (void)state;
    assert_true(shape_find("crowd")->silent);
    assert_int_equal(shape_find("lone")->senders, 1);
    assert_null(shape_find("pair"));
    assert_null(shape_find(""));
}

static void frames_are_read_back(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 125, 126, 300};
    for (size_t i = 0; i < 4; i++) {
        uint8_t bytes[400] = {'x'};
        struct mqtt_out out = {.data = bytes, .len = 1 + lengths[i], .cap = sizeof(bytes)};
        const uint8_t *payload;
        size_t len;
        size_t used;
        bytes[lengths[i]] = 'z';
        websocket_frame(&out, 1);
        assert_false(out.overflow);
        assert_int_equal(bytes[0], 'x');
        assert_int_equal(websocket_read(bytes + 1, out.len - 1, &payload, &len, &used),
                         MQTT_MALFORMED); /* masked: it is not a server's */
        /* A server's frame is the same without the mask. */
        size_t header = lengths[i] < 126 ? 2 : 4;
        bytes[2] &= 0x7f;
        memmove(bytes + 1 + header, bytes + 1 + header + 4, lengths[i]);
        for (size_t cut = 0; cut < header + lengths[i]; cut++)
            assert_int_equal(websocket_read(bytes + 1, cut, &payload, &len, &used), MQTT_PARTIAL);
        assert_int_equal(websocket_read(bytes + 1, header + lengths[i], &payload, &len, &used),
                         MQTT_WHOLE);
        assert_int_equal(len, lengths[i]);
        assert_int_equal(used, header + lengths[i]);
        assert_int_equal(payload[len - 1], 'z');
    }
}

static void an_upgrade_is_taken_or_refused(void **state) {
    (void)state;
    static const char yes[] = "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\nmore";
    static const char no[] = "HTTP/1.1 403 Forbidden\r\n\r\n";
    size_t whole = sizeof(yes) - 1 - 4;
    assert_int_equal(websocket_read_upgrade((const uint8_t *)yes, sizeof(yes) - 1), whole);
    assert_int_equal(websocket_read_upgrade((const uint8_t *)yes, whole - 1), 0);
    assert_int_equal(websocket_read_upgrade((const uint8_t *)no, sizeof(no) - 1), SIZE_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_close),
        cmocka_unit_test(extremes_have_a_bucket),
        cmocka_unit_test(merging_adds_up),
        cmocka_unit_test(a_send_is_read_back),
        cmocka_unit_test(echoes_are_told_apart),
        cmocka_unit_test(a_publish_is_read_back),
        cmocka_unit_test(bad_packets_are_refused),
        cmocka_unit_test(a_full_buffer_sticks),
        cmocka_unit_test(members_find_each_other),
        cmocka_unit_test(crowded_and_lonely_rooms_are_no_dms),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(shapes_go_by_name),
        cmocka_unit_test(frames_are_read_back),
        cmocka_unit_test(an_upgrade_is_taken_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
