/* Text with a length: UTF-8, ids, nonces. */
#include "unit.h"

/* The bytes of a code point, in the shortest form, and how many. The model: what decodes to a code
 * point and encodes to the same bytes again is UTF-8. */
static size_t encode(uint32_t code, unsigned char out[4]) {
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (unsigned char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (unsigned char)(lead[len] | code);
    return len;
}

static bool is_one_character(const unsigned char *bytes, size_t len) {
    static const unsigned char payload[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned char again[4];
    uint32_t code = bytes[0] & payload[len];

    for (size_t i = 1; i < len; i++) {
        code = code << 6 | (bytes[i] & 0x3f);
    }
    return code != 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) &&
           encode(code, again) == len && memcmp(again, bytes, len) == 0;
}

static bool utf8(const unsigned char *bytes, size_t len) {
    return str_utf8((struct str){(const char *)bytes, len}, NULL);
}

static void test_every_character(void **state) {
    (void)state;
    for (uint32_t code = 0; code <= 0x110000; code++) {
        unsigned char bytes[4];
        size_t len = encode(code, bytes), chars = 99;
        bool good = code != 0 && code != 0x110000 && (code < 0xd800 || code > 0xdfff);

        assert_int_equal(str_utf8((struct str){(const char *)bytes, len}, &chars), good);
        assert_int_equal(chars, good ? 1 : 99);
    }
}

static void test_every_pair_and_triple(void **state) {
    unsigned char bytes[4];

    (void)state;
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            bytes[0] = (unsigned char)a;
            bytes[1] = (unsigned char)b;
            bool ascii = a > 0 && a < 0x80 && b > 0 && b < 0x80;
            assert_int_equal(utf8(bytes, 2), ascii || is_one_character(bytes, 2));
            for (int c = 0; a >= 0xe0 && c < 256; c++) {
                bytes[2] = (unsigned char)c;
                assert_int_equal(utf8(bytes, 3), is_one_character(bytes, 3));
            }
        }
    }
}

static void test_four_bytes_at_their_bounds(void **state) {
    static const unsigned char edges[] = {0, 0x7f, 0x80, 0xbf, 0xc0, 0xff};

    (void)state;
    for (int a = 0xf0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            for (size_t i = 0; i < COUNT(edges) * COUNT(edges); i++) {
                const unsigned char bytes[4] = {(unsigned char)a, (unsigned char)b,
                                                edges[i / COUNT(edges)], edges[i % COUNT(edges)]};

                assert_int_equal(utf8(bytes, 4), is_one_character(bytes, 4));
            }
        }
    }
}

static void test_characters_are_counted(void **state) {
    const char *text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const size_t ends[] = {0, 1, 3, 6, 10, 11};

    (void)state;
    for (size_t len = 0, whole = 0; len <= strlen(text); len++) {
        struct str cut = exact_bytes(text, len);
        size_t chars = 99;

        if (len == ends[whole]) {
            assert_true(str_utf8(cut, &chars));
            assert_int_equal(chars, whole++);
        } else {
            assert_false(str_utf8(cut, &chars));
            assert_int_equal(chars, 99);
        }
        exact_free(cut);
    }
    assert_true(str_utf8((struct str){NULL, 0}, NULL));
}

static void test_ids(void **state) {
    static const struct {
        const char *text;
        int64_t id; /* 0: refused */
    } cases[] = {
        {"1", 1},
        {"9", 9},
        {"10", 10},
        {"9223372036854775807", INT64_MAX},
        {"1000000000000000000", 1000000000000000000},
        {"", 0},
        {"0", 0},
        {"00", 0},
        {"01", 0},
        {"-1", 0},
        {"+1", 0},
        {" 1", 0},
        {"1 ", 0},
        {"1\n", 0},
        {"1.0", 0},
        {"1e3", 0},
        {"0x1", 0},
        {"1_0", 0},
        {"\xd9\xa1", 0}, /* an Arabic digit */
        {"9223372036854775808", 0},
        {"9999999999999999999", 0},
        {"10000000000000000000", 0},
        {"18446744073709551617", 0}, /* 1 past 64 bits */
        {"00000000000000000001", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str text = exact(cases[i].text);
        int64_t id = -7;

        assert_int_equal(str_id(text, &id), cases[i].id != 0);
        assert_int_equal(id, cases[i].id ? cases[i].id : -7);
        exact_free(text);
    }
    int64_t id = -7;
    assert_false(str_id((struct str){"1\0", 2}, &id));
}

static void test_nonces(void **state) {
    const char *allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";
    char text[66];

    (void)state;
    for (int c = 0; c < 256; c++) {
        const char bytes[2] = {'a', (char)c};
        bool good = c != 0 && strchr(allowed, c) != NULL;

        assert_int_equal(str_nonce((struct str){bytes, 2}), good);
        assert_int_equal(str_nonce((struct str){bytes + 1, 1}), good);
    }
    memset(text, 'x', sizeof text);
    for (size_t len = 0; len <= 66; len++) {
        assert_int_equal(str_nonce((struct str){text, len}), len >= 1 && len <= 64);
    }
}

static void test_equal(void **state) {
    (void)state;
    assert_true(str_equal(str_of("abc"), (struct str){"abcd", 3}));
    assert_false(str_equal(str_of("abc"), str_of("abcd")));
    assert_false(str_equal(str_of("abc"), str_of("abd")));
    assert_true(str_equal((struct str){NULL, 0}, str_of("")));
    assert_int_equal(str_of(NULL).len, 0);
    assert_null(str_of(NULL).data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_every_pair_and_triple),
        cmocka_unit_test(test_four_bytes_at_their_bounds),
        cmocka_unit_test(test_characters_are_counted),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_nonces),
        cmocka_unit_test(test_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
