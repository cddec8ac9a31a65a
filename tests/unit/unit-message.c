/* Messages: their one JSON form, what a Send may look like, the key that makes it unique. */
#include "unit.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>

#include "message.h"

static const int64_t sent = 1700000000123; /* 2023-11-14T22:13:20.123Z */

#define SENT "\"sent_at\":\"2023-11-14T22:13:20.123Z\""
static void assert_json(const struct message *message, const char *expected) {
    struct buf out;

    buf_init(&out, MESSAGE_JSON_MAX);
    message_json(&out, message);
    assert_false(out.failed);
    json_t *read = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(read);
    json_decref(read);
    buf_add(&out, "", 1);
    assert_string_equal(out.data, expected);
    buf_free(&out);
}

static void test_a_text_with_everything(void **state) {
    const struct message message = {
        .room = 5,
        .seq = 7,
        .id = 9007199254740993, /* no JavaScript number */
        .from = 42,
        .ref = 3,
        .sent_at = sent,
        .edited_at = sent + 1,
        .deleted_at = sent + 2,
        .kind = MESSAGE_TEXT,
        .nonce = {"c1-17xxx", 5},
        .text = {"hi \"you\"\nxx", 9},
    };

    (void)state;
    assert_json(&message, "{\"room\":\"5\",\"seq\":7,\"id\":\"9007199254740993\",\"kind\":\"text\","
                          "\"from\":\"42\",\"nonce\":\"c1-17\",\"text\":\"hi \\\"you\\\"\\n\","
                          "\"reply_to\":3," SENT ",\"edited_at\":\"2023-11-14T22:13:20.124Z\","
                          "\"deleted_at\":\"2023-11-14T22:13:20.125Z\"}");
}

static void test_what_is_not_there_is_left_out(void **state) {
    const struct message message = {.room = 5, .seq = 1, .id = 2, .kind = MESSAGE_TEXT};
    const struct message empty_text = {
        .room = 5, .seq = 1, .id = 2, .kind = MESSAGE_TEXT, .text = {"", 0}, .sent_at = sent};

    (void)state;
    assert_json(&message, "{\"room\":\"5\",\"seq\":1,\"id\":\"2\",\"kind\":\"text\"}");
    assert_json(&empty_text, "{\"room\":\"5\",\"seq\":1,\"id\":\"2\",\"kind\":\"text\","
                             "\"text\":\"\"," SENT "}");
}

/* One optional member at a time. */
static void test_each_member_alone(void **state) {
    static const struct {
        struct message message;
        const char *member;
    } cases[] = {
        {{.from = INT64_MAX}, ",\"from\":\"9223372036854775807\""},
        {{.nonce = {"n", 1}}, ",\"nonce\":\"n\""},
        {{.text = {"t", 1}}, ",\"text\":\"t\""},
        {{.ref = 4}, ",\"reply_to\":4"},
        {{.data = {"{\"a\": 1}xx", 8}}, ",\"data\":{\"a\": 1}"},
        {{.sent_at = 1}, ",\"sent_at\":\"1970-01-01T00:00:00.001Z\""},
        {{.edited_at = 1}, ",\"edited_at\":\"1970-01-01T00:00:00.001Z\""},
        {{.deleted_at = 1}, ",\"deleted_at\":\"1970-01-01T00:00:00.001Z\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct message message = cases[i].message;
        char expected[200];

        message.room = 5;
        message.seq = 1;
        message.id = 2;
        message.kind = MESSAGE_TEXT;
        snprintf(expected, sizeof expected,
                 "{\"room\":\"5\",\"seq\":1,\"id\":\"2\",\"kind\":\"text\"%s}", cases[i].member);
        assert_json(&message, expected);
    }
}

static void test_every_kind(void **state) {
    static const struct {
        enum message_kind kind;
        const char *name, *ref;
    } kinds[] = {
        {MESSAGE_TEXT, "text", "reply_to"},
        {MESSAGE_EDIT, "edit", "target"},
        {MESSAGE_DELETE, "delete", "target"},
        {MESSAGE_FRIEND_REQUEST_RECEIVED, "friend_request_received", "target"},
        {MESSAGE_FRIEND_REQUEST_ACCEPTED, "friend_request_accepted", "target"},
        {MESSAGE_FRIEND_REQUEST_DECLINED, "friend_request_declined", "target"},
        {MESSAGE_FRIEND_REMOVED, "friend_removed", "target"},
        {MESSAGE_DM_OPENED, "dm_opened", "target"},
        {MESSAGE_SERVER_INVITE_RECEIVED, "server_invite_received", "target"},
        {MESSAGE_SERVER_REMOVED, "server_removed", "target"},
        {MESSAGE_CHANNEL_REMOVED, "channel_removed", "target"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct message message = {
            .room = 5, .seq = 8, .id = 2, .kind = (int)kinds[i].kind, .ref = 7};
        char expected[200];

        assert_string_equal(message_kind_name((int)kinds[i].kind), kinds[i].name);
        snprintf(expected, sizeof expected,
                 "{\"room\":\"5\",\"seq\":8,\"id\":\"2\",\"kind\":\"%s\",\"%s\":7}", kinds[i].name,
                 kinds[i].ref);
        assert_json(&message, expected);
    }
    for (int kind = -1; kind < 40; kind++) {
        bool known = (kind >= 1 && kind <= 3) || (kind >= 16 && kind <= 23);

        assert_int_equal(message_kind_name(kind) != NULL, known);
    }
    const struct message odd = {.room = 5, .seq = 8, .id = 2, .kind = 9};
    assert_json(&odd, "{\"room\":\"5\",\"seq\":8,\"id\":\"2\",\"kind\":\"unknown\"}");
}

static void test_room_kinds(void **state) {
    static const char *const names[] = {NULL, "dm", "server", "channel", "inbox", NULL};

    (void)state;
    for (int kind = 0; kind < (int)COUNT(names); kind++) {
        if (names[kind]) {
            assert_string_equal(room_kind_name(kind), names[kind]);
        } else {
            assert_null(room_kind_name(kind));
        }
    }
}

static void test_the_longest_message_fits(void **state) {
    static char text[MESSAGE_TEXT_MAX];
    struct message message = {.room = INT64_MAX, .kind = MESSAGE_TEXT};
    struct buf out;

    (void)state;
    memset(text, 1, sizeof text); /* \u0001: six bytes each */
    message.text = (struct str){text, sizeof text};
    buf_init(&out, MESSAGE_JSON_MAX);
    message_json(&out, &message);
    assert_false(out.failed);
    buf_free(&out);
}

/* ---- Send ---- */

#define N "\"nonce\":\"c1-17\""
#define BAD HUM_INVALID_PAYLOAD

struct send_case {
    const char *payload;
    enum hum_status status;
    const char *nonce; /* "": not readable */
    const char *text;
    int64_t reply_to;
};

static const struct send_case sends[] = {
    /* what is taken */
    {"{" N ",\"text\":\"hi\"}", HUM_OK, "c1-17", "hi", 0},
    {" \t\r\n{ \"text\" : \"hi\" , " N " } \n", HUM_OK, "c1-17", "hi", 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":3}", HUM_OK, "c1-17", "hi", 3},
    {"{" N ",\"text\":\"hi\",\"reply_to\":null}", HUM_OK, "c1-17", "hi", 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":9223372036854775807}", HUM_OK, "c1-17", "hi", INT64_MAX},
    {"{" N ",\"text\":\" \"}", HUM_OK, "c1-17", " ", 0},
    {"{" N ",\"text\":\"\\u00e4\\ud83d\\ude00\"}", HUM_OK, "c1-17", "\xc3\xa4\xf0\x9f\x98\x80", 0},
    {"{" N ",\"text\":\"\xe2\x80\xae\\n\\t\\u0001\"}", HUM_OK, "c1-17", "\xe2\x80\xae\n\t\x01", 0},
    {"{\"nonce\":\"A.z_0:-\",\"text\":\"x\"}", HUM_OK, "A.z_0:-", "x", 0},
    {"{\"\\u006eonce\":\"e\\u0073c\",\"text\":\"x\"}", HUM_OK, "esc", "x", 0},
    {"{" N ",\"text\":\"x\",\"from\":\"7\",\"seq\":1,\"kind\":\"edit\",\"room\":{}}", HUM_OK,
     "c1-17", "x", 0},

    /* no JSON object */
    {"", BAD, "", NULL, 0},
    {" ", BAD, "", NULL, 0},
    {"null", BAD, "", NULL, 0},
    {"\"text\"", BAD, "", NULL, 0},
    {"17", BAD, "", NULL, 0},
    {"[]", BAD, "", NULL, 0},
    {"[{" N ",\"text\":\"hi\"}]", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"hi\"", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"hi\"}}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"hi\"} x", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"hi\"}{}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"hi\",}", BAD, "", NULL, 0},
    {"{" N ";\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{'nonce':'c1','text':'hi'}", BAD, "", NULL, 0},
    {"{nonce:\"c1\",text:\"hi\"}", BAD, "", NULL, 0},
    {"/* */{" N ",\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"\xef\xbb\xbf{" N ",\"text\":\"hi\"}", BAD, "", NULL, 0}, /* a byte order mark */
    {"{" N ",\"text\":\"a\nb\"}", BAD, "", NULL, 0},           /* a line feed as it is */
    {"{" N ",\"text\":\"\\x41\"}", BAD, "", NULL, 0},
    {"{" N ",\"text\":NaN}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"text\":\"ho\"}", BAD, "", NULL, 0},
    {"{" N "," N ",\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"a\":{\"b\":1,\"b\":2}}", BAD, "", NULL, 0},

    /* characters that are none */
    {"{" N ",\"text\":\"\xff\"}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"\xc0\x80\"}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"\xed\xa0\x80\"}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"\xf4\x90\x80\x80\"}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"\xe2\x82\"}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"a\\u0000b\"}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"\\ud800\"}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"\\ude00\\ud83d\"}", BAD, "", NULL, 0},
    {"{\"a\\u0000\":1," N ",\"text\":\"hi\"}", BAD, "", NULL, 0},

    /* the nonce */
    {"{\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{\"nonce\":null,\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{\"nonce\":17,\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{\"nonce\":[\"a\"],\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{\"nonce\":\"\",\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{\"nonce\":\"a b\",\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{\"nonce\":\"a/b\",\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{\"nonce\":\"\xc3\xa4\",\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{\"nonce\":\"a\\u0000b\",\"text\":\"hi\"}", BAD, "", NULL, 0},
    {"{\"NONCE\":\"a\",\"text\":\"hi\"}", BAD, "", NULL, 0},

    /* the text: the nonce can be named */
    {"{" N "}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":\"\"}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":null}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":5}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":true}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":[\"hi\"]}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":{\"a\":\"hi\"}}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"Text\":\"hi\"}", BAD, "c1-17", NULL, 0},

    /* what it answers to */
    {"{" N ",\"text\":\"hi\",\"reply_to\":0}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":-1}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":\"3\"}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":3.0}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":3e0}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":true}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":[3]}", BAD, "c1-17", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":9223372036854775808}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":1e999}", BAD, "", NULL, 0},
    {"{" N ",\"text\":\"hi\",\"reply_to\":03}", BAD, "", NULL, 0},
};

/* Where the text lies: who is plain was read without an allocation. */
static void test_the_plain_form(void **state) {
    static const char *const plain[] = {
        "{" N ",\"text\":\"hi\"}",
        "{\"text\":\"h\xc3\xa9\"," N "}",
        " {\t" N " ,\n\"text\" : \"hi\"\r, \"reply_to\" : 3 } ",
    };
    static const char *const not_plain[] = {
        "{" N ",\"text\":\"h\\ni\"}",
        "{" N ",\"text\":\"hi\",\"more\":1}",
        "{" N ",\"text\":\"hi\",\"reply_to\":null}",
    };
    struct send_request request;
    const char *detail;

    (void)state;
    for (size_t i = 0; i < COUNT(plain); i++) {
        assert_int_equal(send_parse(str_of(plain[i]), &request, &detail), HUM_OK);
        assert_null(request.owned);
        assert_true(request.text.data > plain[i] &&
                    request.text.data < plain[i] + strlen(plain[i]));
        assert_string_equal(request.nonce, "c1-17");
        send_free(&request);
    }
    for (size_t i = 0; i < COUNT(not_plain); i++) {
        assert_int_equal(send_parse(str_of(not_plain[i]), &request, &detail), HUM_OK);
        assert_non_null(request.owned);
        send_free(&request);
    }
}

static void check_send(struct str payload, const struct send_case *expected) {
    struct send_request request;
    const char *detail = NULL;
    enum hum_status status = send_parse(payload, &request, &detail);

    if (status != expected->status) {
        fail_msg("%.80s: %s", payload.data, hum_status_code(status));
    }
    assert_string_equal(request.nonce, expected->nonce);
    if (status == HUM_OK) {
        assert_true(str_equal(request.text, str_of(expected->text)));
        assert_int_equal(request.reply_to, expected->reply_to);
        send_free(&request);
        assert_null(request.text.data);
    } else {
        assert_non_null(detail);
        assert_null(request.text.data);
    }
}

static void test_sends(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(sends); i++) {
        struct str payload = exact(sends[i].payload);

        check_send(payload, &sends[i]);
        exact_free(payload);
    }
    check_send((struct str){NULL, 0}, &(struct send_case){.status = BAD, .nonce = ""});
    static const char nul[] = "{" N ",\"text\":\"hi\"}\0";
    check_send((struct str){nul, sizeof nul}, &(struct send_case){.status = BAD, .nonce = ""});
}

/* A payload of one piece again and again between a front and an end. */
static struct str repeat(const char *front, const char *piece, size_t times, const char *end) {
    struct buf buf;

    buf_init(&buf, 1 << 20);
    buf_text(&buf, front);
    for (size_t i = 0; i < times; i++) {
        buf_text(&buf, piece);
    }
    buf_text(&buf, end);
    struct str whole = exact_bytes(buf.data, buf.len);
    buf_free(&buf);
    return whole;
}

static void test_sizes(void **state) {
    static const struct {
        const char *front, *piece;
        size_t times;
        const char *end;
        enum hum_status status;
        const char *nonce;
    } cases[] = {
        {"{" N ",\"text\":\"", "x", 4000, "\"}", HUM_OK, "c1-17"},
        {"{" N ",\"text\":\"", "x", 4001, "\"}", BAD, "c1-17"},
        {"{" N ",\"text\":\"", "\xf0\x9f\x98\x80", 4000, "\"}", HUM_OK, "c1-17"},
        {"{" N ",\"text\":\"", "\xf0\x9f\x98\x80", 4001, "\"}", BAD, "c1-17"},
        {"{" N ",\"text\":\"", "\\n", 4000, "\"}", HUM_OK, "c1-17"},
        {"{" N ",\"text\":\"hi\"}", " ", 16384 - 29, "", HUM_OK, "c1-17"},
        {"{" N ",\"text\":\"hi\"}", " ", 16384 - 28, "", HUM_TOO_LARGE, ""},
        {"{" N ",\"text\":\"", "x", 100000, "\"}", HUM_TOO_LARGE, ""},
        {"{\"text\":\"hi\",\"nonce\":\"", "n", 64, "\"}", HUM_OK, NULL},
        {"{\"text\":\"hi\",\"nonce\":\"", "n", 65, "\"}", BAD, ""},
        {"{\"text\":\"hi\",\"nonce\":\"", "n", 9000, "\"}", BAD, ""},
        {"", "[", 10000, "", BAD, ""},
        {"{" N ",\"text\":\"hi\",\"a\":", "[", 8000, "", BAD, ""},
        {"{" N ",\"text\":", "{\"a\":", 3000, "", BAD, ""},
        {"{" N ",\"text\":\"hi\",\"reply_to\":", "9", 10000, "}", BAD, ""},
    };

    (void)state;
    assert_int_equal(strlen("{" N ",\"text\":\"hi\"}"), 29);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str payload = repeat(cases[i].front, cases[i].piece, cases[i].times, cases[i].end);
        struct send_request request;
        const char *detail;

        assert_int_equal(send_parse(payload, &request, &detail), cases[i].status);
        if (cases[i].nonce) {
            assert_string_equal(request.nonce, cases[i].nonce);
        } else {
            assert_int_equal(strlen(request.nonce), 64);
        }
        if (cases[i].status == HUM_OK) {
            send_free(&request);
        }
        exact_free(payload);
    }
}

/* Bytes turned, cut and doubled: whatever comes of it, nothing is read behind it or kept. */
static void test_damaged_sends(void **state) {
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const char *from = sends[dice(COUNT(sends))].payload;
        struct str payload = exact_bytes(from, (size_t)dice(strlen(from) + 1));
        struct send_request request;
        const char *detail;

        for (uint64_t turns = payload.len ? dice(4) : 0; turns > 0; turns--) {
            ((char *)(uintptr_t)payload.data)[dice(payload.len)] = (char)dice(256);
        }
        if (send_parse(payload, &request, &detail) == HUM_OK) {
            assert_true(str_nonce(str_of(request.nonce)));
            assert_true(str_utf8(request.text, NULL));
            send_free(&request);
        }
        exact_free(payload);
    }
}

static void test_dedup_keys(void **state) {
    static const struct {
        int64_t sender;
        const char *nonce, *key; /* sha256sum over the bytes */
    } cases[] = {
        {1, "a", "3b196fd4907bedf51c3090e9835f2f7c"},
        {1, "c1-17", "d81ec6fc18075f056f1bd7140ed925da"},
        {INT64_MAX, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         "98958d471774a955bffddd9eade09c5c"},
        {0x0102030405060708, "c1-17", "5c1815483c277702ce7e4d6fde5fefb2"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str nonce = exact(cases[i].nonce);
        unsigned char key[MESSAGE_KEY_LEN];
        char hex[2 * MESSAGE_KEY_LEN + 1];

        message_dedup_key(cases[i].sender, nonce, key);
        sodium_bin2hex(hex, sizeof hex, key, sizeof key);
        assert_string_equal(hex, cases[i].key);
        exact_free(nonce);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_with_everything),
        cmocka_unit_test(test_what_is_not_there_is_left_out),
        cmocka_unit_test(test_each_member_alone),
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_room_kinds),
        cmocka_unit_test(test_the_longest_message_fits),
        cmocka_unit_test(test_sends),
        cmocka_unit_test(test_the_plain_form),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_damaged_sends),
        cmocka_unit_test(test_dedup_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
