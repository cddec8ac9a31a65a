/* The interval between pings: it grows while it holds, and remembers what broke. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keepalive.h"

enum { NOW = 1000000 };

/* Holds until it grows or `most` intervals are over. How many it took. */
static int hold(struct keepalive *keepalive, int64_t now, int most) {
    for (int i = 1; i <= most; i++) {
        if (keepalive_held(keepalive, now)) {
            return i;
        }
    }
    return 0;
}

static void grows_to_the_most(void **state) {
    static const int32_t steps[] = {120, 240, 480, 900};
    struct keepalive keepalive;

    (void)state;
    keepalive_init(&keepalive, 0, 0, 0, 0);
    assert_int_equal(keepalive.seconds, 60);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(hold(&keepalive, NOW, 10), KEEPALIVE_HELD);
        assert_int_equal(keepalive.seconds, steps[i]);
    }
    assert_int_equal(hold(&keepalive, NOW, 100), 0);
    assert_int_equal(keepalive.seconds, 900);
}

static void stays_below_what_broke(void **state) {
    struct keepalive keepalive;

    (void)state;
    keepalive_init(&keepalive, 900, 480, 0, 0);
    keepalive_broke(&keepalive, NOW);
    assert_int_equal(keepalive.seconds, 240);
    assert_int_equal(hold(&keepalive, NOW, 10), KEEPALIVE_HELD);
    assert_int_equal(keepalive.seconds, 360);
    assert_int_equal(hold(&keepalive, NOW + KEEPALIVE_FORGET_MS - 1, 100), 0);
}

static void tries_again_after_a_day(void **state) {
    struct keepalive keepalive;

    (void)state;
    keepalive_init(&keepalive, 900, 360, 480, NOW);
    assert_int_equal(hold(&keepalive, NOW + KEEPALIVE_FORGET_MS, 10), KEEPALIVE_HELD);
    assert_int_equal(keepalive.seconds, 720);
}

static void breaking_again_and_again_ends(void **state) {
    struct keepalive keepalive;

    (void)state;
    keepalive_init(&keepalive, 900, 900, 0, 0);
    for (int i = 0; i < 20; i++) {
        keepalive_broke(&keepalive, NOW + i);
    }
    assert_int_equal(keepalive.seconds, KEEPALIVE_FIRST_S / 2);
    keepalive_init(&keepalive, 10, 0, 0, 0);
    for (int i = 0; i < 20; i++) {
        keepalive_broke(&keepalive, NOW + i);
    }
    assert_in_range(keepalive.seconds, KEEPALIVE_MIN_S, 10);
}

static void a_clock_set_back_forgets(void **state) {
    struct keepalive keepalive;

    (void)state;
    keepalive_init(&keepalive, 900, 360, 480, NOW);
    assert_int_equal(hold(&keepalive, NOW - 1, 10), KEEPALIVE_HELD);
    assert_int_equal(keepalive.seconds, 720);
}

static void nonsense_is_put_right(void **state) {
    static const int32_t wild[] = {INT32_MIN, -1, 0, 1, 5, 899, 900, 901, INT32_MAX};
    struct keepalive keepalive;

    (void)state;
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        for (size_t j = 0; j < sizeof wild / sizeof wild[0]; j++) {
            keepalive_init(&keepalive, wild[i], wild[j], wild[j], wild[i]);
            assert_in_range(keepalive.seconds, KEEPALIVE_MIN_S, KEEPALIVE_MAX_S);
            for (int k = 0; k < 20; k++) {
                (void)keepalive_held(&keepalive, NOW);
                assert_in_range(keepalive.seconds, KEEPALIVE_MIN_S, keepalive.max);
            }
            keepalive_broke(&keepalive, NOW);
            assert_in_range(keepalive.seconds, KEEPALIVE_MIN_S, keepalive.max);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_the_most),        cmocka_unit_test(stays_below_what_broke),
        cmocka_unit_test(tries_again_after_a_day),  cmocka_unit_test(breaking_again_and_again_ends),
        cmocka_unit_test(a_clock_set_back_forgets), cmocka_unit_test(nonsense_is_put_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
