/* Statuses: a code, a text and an HTTP status for each, and for a number that is none. */
#include "unit.h"

#include "status.h"

static void test_every_status(void **state) {
    static const struct {
        enum hum_status status;
        const char *code;
        int http;
    } all[] = {
#define X(name, code, http, text) {HUM_##name, code, http},
        HUM_STATUS_MAP(X)
#undef X
    };

    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        assert_int_equal(all[i].status, i);
        assert_string_equal(hum_status_code(all[i].status), all[i].code);
        assert_int_equal(hum_status_http(all[i].status), all[i].http);
        assert_true(strlen(hum_status_text(all[i].status)) > 0);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(all[i].code, all[j].code);
        }
    }
    static const int outside[] = {-1, (int)COUNT(all), 1000000};
    for (size_t i = 0; i < COUNT(outside); i++) {
        assert_string_equal(hum_status_code((enum hum_status)outside[i]), "internal");
        assert_int_equal(hum_status_http((enum hum_status)outside[i]), 500);
    }
}

/* What clients were promised. */
static void test_codes_of_the_contract(void **state) {
    (void)state;
    assert_int_equal(hum_status_http(HUM_OK), 200);
    assert_int_equal(hum_status_http(HUM_INVALID_PAYLOAD), 400);
    assert_int_equal(hum_status_http(HUM_UNAUTHORIZED), 401);
    assert_int_equal(hum_status_http(HUM_NOT_FRIENDS), 403);
    assert_int_equal(hum_status_http(HUM_NOT_FOUND), 404);
    assert_int_equal(hum_status_http(HUM_TOO_LARGE), 413);
    assert_int_equal(hum_status_http(HUM_RATE_LIMITED), 429);
    assert_int_equal(hum_status_http(HUM_UNAVAILABLE), 503);
    assert_string_equal(hum_status_code(HUM_NOT_FRIENDS), "not_friends");
    assert_string_equal(hum_status_code(HUM_INVALID_PAYLOAD), "invalid_payload");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status),
        cmocka_unit_test(test_codes_of_the_contract),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
