/* Sessions that were in use: each noted once in a while, in bounded memory. */
#include "unit.h"

#include "seen.h"

enum { START = 1000 * SEEN_EVERY_MS };

static int make(void **state) {
    struct seen *seen = NULL;
    enum hum_status status = seen_new(&seen);

    *state = seen;
    return status == HUM_OK ? 0 : -1;
}

static int drop(void **state) {
    seen_free(*state);
    return 0;
}

static size_t take_all(struct seen *seen) {
    static int64_t list[SEEN_WAITING_MAX];

    return seen_take(seen, list, SEEN_WAITING_MAX);
}

static void test_once_in_a_while(void **state) {
    struct seen *seen = *state;
    const int64_t start = START;
    int64_t list[4];

    for (int i = 0; i < 100; i++) {
        seen_note(seen, 7, start + i);
        seen_note(seen, 8, start + i);
    }
    assert_int_equal(seen_take(seen, list, 4), 2);
    assert_int_equal(list[0] + list[1], 15);
    assert_int_equal(seen_take(seen, list, 4), 0);
    seen_note(seen, 7, start + SEEN_EVERY_MS - 1);
    assert_int_equal(take_all(seen), 0);
    seen_note(seen, 7, start + SEEN_EVERY_MS);
    assert_int_equal(take_all(seen), 1);
    seen_note(seen, 7, start); /* the clock was set back */
    assert_int_equal(take_all(seen), 1);
}

static void test_bounded(void **state) {
    struct seen *seen = *state;
    const int64_t start = START;
    int64_t list[3];

    for (int64_t id = 1; id <= 2 * SEEN_WAITING_MAX; id++) {
        seen_note(seen, id << 12, start);
    }
    assert_int_equal(seen_take(seen, list, 3), 3);
    assert_int_equal(take_all(seen), SEEN_WAITING_MAX - 3);
    /* Those who found no room are noted when they come again. */
    for (int64_t id = 1; id <= 2 * SEEN_WAITING_MAX; id++) {
        seen_note(seen, id << 12, start + 1);
    }
    assert_int_equal(take_all(seen), SEEN_WAITING_MAX);
    for (int64_t id = 1; id <= 10 * SEEN_SLOTS; id++) {
        seen_note(seen, id, start + 2);
        if (id % 1000 == 0) {
            take_all(seen);
        }
    }
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void) {
    const struct CMUnitTest tests[] = {WITH_TABLE(test_once_in_a_while), WITH_TABLE(test_bounded)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
