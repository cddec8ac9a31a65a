/* Options: names, numbers, defaults. */
#include "unit.h"

#include "options.h"

enum { URL, USER, BYTES, SIGNED, OPTIONS };

static const struct option table[OPTIONS] = {
    [URL] = {"database_url", OPTION_TEXT, NULL, "", 0, 0},
    [USER] = {"database_user", OPTION_TEXT, "", "", 0, 0},
    [BYTES] = {"bytes", OPTION_NUMBER, "4096", "", 10, INT64_C(1) << 40},
    [SIGNED] = {"signed", OPTION_NUMBER, "-5", "", INT64_MIN, INT64_MAX},
};

static enum hum_status set(struct option_value *values, const char *name, const char *text) {
    return option_set(table, OPTIONS, values, name, text);
}

static void test_names(void **state) {
    static const char *const unknown[] = {
        "", "databaseurl", "DATABASE_URL", "database_urls", "bytes ", "database_url=", "help"};
    struct option_value values[OPTIONS] = {{0}};
    const char *url = "postgresql:///hum";

    (void)state;
    for (size_t i = 0; i < COUNT(unknown); i++) {
        assert_int_equal(set(values, unknown[i], "x"), HUM_NOT_FOUND);
    }
    assert_null(values[URL].text);
    assert_int_equal(set(values, "database_url", url), HUM_OK);
    assert_ptr_equal(values[URL].text, url);
    assert_null(values[USER].text);
    assert_int_equal(set(values, "database_url", "other"), HUM_OK);
    assert_string_equal(values[URL].text, "other");
}

static void test_numbers(void **state) {
    static const struct {
        const char *name, *text;
        bool good;
        int64_t number;
    } cases[] = {
        {"bytes", "10", true, 10},
        {"bytes", "1099511627776", true, INT64_C(1) << 40},
        {"signed", "-9223372036854775808", true, INT64_MIN},
        {"signed", "9223372036854775807", true, INT64_MAX},
        {"bytes", "9", false, 0},
        {"bytes", "1099511627777", false, 0},
        {"bytes", "-10", false, 0},
        {"bytes", " 100", false, 0},
        {"bytes", "+100", false, 0},
        {"bytes", "", false, 0},
        {"bytes", "x", false, 0},
        {"bytes", "100x", false, 0},
        {"bytes", "100 ", false, 0},
        {"bytes", "1e3", false, 0},
        {"bytes", "0x100", false, 0},
        {"bytes", "100.0", false, 0},
        {"bytes", "100k", false, 0},
        {"signed", "9223372036854775808", false, 0},
        {"signed", "-9223372036854775809", false, 0},
        {"signed", "-", false, 0},
        {"signed", "--1", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct option_value values[OPTIONS] = {{0}};
        size_t at = strcmp(cases[i].name, "bytes") == 0 ? BYTES : SIGNED;

        assert_int_equal(set(values, cases[i].name, cases[i].text),
                         cases[i].good ? HUM_OK : HUM_INVALID_REQUEST);
        assert_int_equal(values[at].number, cases[i].number);
        assert_int_equal(values[at].text != NULL, cases[i].good);
    }
}

static void test_defaults(void **state) {
    struct option_value values[OPTIONS] = {{0}};
    const char *missing = "untouched";

    (void)state;
    assert_int_equal(option_defaults(table, OPTIONS, values, &missing), HUM_INVALID_REQUEST);
    assert_string_equal(missing, "database_url");
    assert_int_equal(set(values, "database_url", "u"), HUM_OK);
    assert_int_equal(set(values, "bytes", "77"), HUM_OK);
    missing = "untouched";
    assert_int_equal(option_defaults(table, OPTIONS, values, &missing), HUM_OK);
    assert_string_equal(missing, "untouched");
    assert_string_equal(values[URL].text, "u");
    assert_string_equal(values[USER].text, "");
    assert_int_equal(values[BYTES].number, 77);
    assert_int_equal(values[SIGNED].number, -5);
}

static void test_a_default_that_does_not_fit(void **state) {
    static const struct option bad[] = {{"n", OPTION_NUMBER, "5", "", 10, 20}};
    struct option_value values[1] = {{0}};
    const char *missing = NULL;

    (void)state;
    assert_int_equal(option_defaults(bad, 1, values, &missing), HUM_INVALID_REQUEST);
    assert_string_equal(missing, "n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_a_default_that_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
