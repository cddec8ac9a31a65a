/* Buffers: bounds, the failure that stays, numbers, JSON strings, times. */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "buf.h"

static void assert_holds(const struct buf *buf, const char *text) {
    assert_false(buf->failed);
    assert_int_equal(buf->len, strlen(text));
    assert_memory_equal(buf->data, text, buf->len);
}

static void test_bound_is_exact(void **state) {
    struct buf buf;

    (void)state;
    buf_init(&buf, 5);
    buf_text(&buf, "abcd");
    buf_add(&buf, "e", 1);
    assert_holds(&buf, "abcde");
    buf_add(&buf, "", 0);
    assert_holds(&buf, "abcde");
    buf_add(&buf, "f", 1);
    assert_true(buf.failed);
    buf_free(&buf);
}

static void test_failure_stays(void **state) {
    struct buf buf;

    (void)state;
    buf_init(&buf, 4);
    buf_text(&buf, "ab");
    buf_text(&buf, "cdefg");
    buf_text(&buf, "x"); /* would fit */
    assert_true(buf.failed);
    assert_int_equal(buf.len, 2);
    buf_reset(&buf);
    assert_false(buf.failed);
    assert_int_equal(buf.len, 0);
    buf_text(&buf, "wxyz");
    assert_holds(&buf, "wxyz");
    buf_free(&buf);
    assert_null(buf.data);
    buf_text(&buf, "ok");
    assert_holds(&buf, "ok");
    buf_free(&buf);
}

static void test_nothing_fits_into_nothing(void **state) {
    struct buf buf;

    (void)state;
    buf_init(&buf, 0);
    buf_add(&buf, "x", 0);
    assert_false(buf.failed);
    buf_add(&buf, "x", 1);
    assert_true(buf.failed);
    assert_null(buf.data);
    buf_reset(&buf);
    buf_add(&buf, "x", SIZE_MAX);
    assert_true(buf.failed);
}

/* Pieces of any length, beside a plain array. */
static void test_against_a_model(void **state) {
    static unsigned char model[5000], piece[700];

    (void)state;
    for (int round = 0; round < 500; round++) {
        size_t max = (size_t)dice(sizeof model), len = 0;
        bool failed = false;
        struct buf buf;

        buf_init(&buf, max);
        for (int i = 0; i < 20; i++) {
            size_t add = (size_t)dice(sizeof piece);

            memset(piece, (int)dice(256), add);
            buf_add(&buf, piece, add);
            failed = failed || (add > 0 && len + add > max);
            if (!failed) {
                memcpy(model + len, piece, add);
                len += add;
            }
            assert_int_equal(buf.failed, failed);
            assert_int_equal(buf.len, len);
            assert_true(buf.cap <= max);
        }
        if (len > 0) {
            assert_memory_equal(buf.data, model, len);
        }
        buf_free(&buf);
    }
}

static void test_numbers(void **state) {
    static const int64_t values[] = {0,    1,   -1,          9,         10,        -10,
                                     1234, 100, INT64_C(-9), INT64_MAX, INT64_MIN, INT64_MIN + 1};

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        struct buf buf;
        char text[32];

        buf_init(&buf, 100);
        buf_int(&buf, values[i]);
        snprintf(text, sizeof text, "%lld", (long long)values[i]);
        assert_holds(&buf, text);
        buf_free(&buf);
    }
}

static void test_network_order(void **state) {
    static const unsigned char bytes[] = {0x01, 0x02, 0xfe, 0xdc, 0xba, 0x98, 0x01,
                                          0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    struct buf buf;

    (void)state;
    buf_init(&buf, sizeof bytes);
    buf_be16(&buf, 0x0102);
    buf_be32(&buf, 0xfedcba98);
    buf_be64(&buf, 0x0123456789abcdef);
    assert_false(buf.failed);
    assert_int_equal(buf.len, sizeof bytes);
    assert_memory_equal(buf.data, bytes, sizeof bytes);
    buf_free(&buf);
}

static void test_json_strings(void **state) {
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"", "\"\""},
        {"hi", "\"hi\""},
        {"\"", "\"\\\"\""},
        {"\\", "\"\\\\\""},
        {"a\nb\rc\td", "\"a\\nb\\rc\\td\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
        {"\b\f", "\"\\u0008\\u000c\""},
        {"</script>", "\"</script>\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str text = exact(cases[i].text);
        struct buf buf;

        buf_init(&buf, 100);
        buf_json_string(&buf, text);
        assert_holds(&buf, cases[i].json);
        buf_free(&buf);
        exact_free(text);
    }
}

/* Every character below 0x80 alone, and all of them together, read back by another parser. */
static void test_json_strings_are_read_back(void **state) {
    char all[0x80];

    (void)state;
    for (int c = 0; c < 0x80; c++) {
        all[c] = (char)c;
    }
    for (size_t start = 0; start < 0x80; start++) {
        size_t len = start == 0 ? sizeof all : 1;
        struct buf buf;

        buf_init(&buf, 1000);
        buf_json_string(&buf, (struct str){all + start, len});
        assert_false(buf.failed);
        json_t *value = json_loadb(buf.data, buf.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(value);
        assert_int_equal(json_string_length(value), len);
        assert_memory_equal(json_string_value(value), all + start, len);
        json_decref(value);
        buf_free(&buf);
    }
}

static void test_json_string_past_the_bound(void **state) {
    (void)state;
    for (size_t max = 0; max < 10; max++) {
        struct buf buf;

        buf_init(&buf, max);
        buf_json_string(&buf, str_of("ab\x01")); /* 10 bytes with its quotes */
        assert_true(buf.failed);
        buf_free(&buf);
    }
}

static void assert_time(int64_t ms) {
    time_t seconds = (time_t)(ms / 1000);
    char text[64], day[32];
    struct tm tm;
    struct buf buf;

    assert_non_null(gmtime_r(&seconds, &tm));
    assert_true(strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) > 0);
    snprintf(text, sizeof text, "\"%s.%03dZ\"", day, (int)(ms % 1000));
    buf_init(&buf, 64);
    buf_json_time(&buf, ms);
    assert_holds(&buf, text);
    buf_free(&buf);
}

static void test_every_day_for_four_centuries(void **state) {
    const int64_t day = 86400000;

    (void)state;
    for (int64_t i = 0; i < 146097 + 400; i++) {
        assert_time(i * day);
        assert_time(i * day + day - 1);
    }
}

static void test_random_times(void **state) {
    (void)state;
    for (int i = 0; i < 50000; i++) {
        assert_time((int64_t)dice(253402300800000));
    }
}

static void test_times(void **state) {
    static const struct {
        int64_t ms;
        const char *text; /* NULL: there is none */
    } cases[] = {
        {0, "\"1970-01-01T00:00:00.000Z\""},
        {1, "\"1970-01-01T00:00:00.001Z\""},
        {951782400000, "\"2000-02-29T00:00:00.000Z\""},
        {1709164799999, "\"2024-02-28T23:59:59.999Z\""},
        {1709164800000, "\"2024-02-29T00:00:00.000Z\""},
        {4107542400000, "\"2100-03-01T00:00:00.000Z\""}, /* no leap year */
        {4107542399999, "\"2100-02-28T23:59:59.999Z\""},
        {253402300799999, "\"9999-12-31T23:59:59.999Z\""},
        {253402300800000, NULL},
        {INT64_MAX, NULL},
        {-1, NULL},
        {INT64_MIN, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf buf;

        buf_init(&buf, 64);
        buf_json_time(&buf, cases[i].ms);
        if (cases[i].text) {
            assert_holds(&buf, cases[i].text);
        } else {
            assert_true(buf.failed);
        }
        buf_free(&buf);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound_is_exact),
        cmocka_unit_test(test_failure_stays),
        cmocka_unit_test(test_nothing_fits_into_nothing),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_network_order),
        cmocka_unit_test(test_json_strings),
        cmocka_unit_test(test_json_strings_are_read_back),
        cmocka_unit_test(test_json_string_past_the_bound),
        cmocka_unit_test(test_every_day_for_four_centuries),
        cmocka_unit_test(test_random_times),
        cmocka_unit_test(test_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
