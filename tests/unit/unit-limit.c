/* Token buckets. */
#include "unit.h"

#include "limit.h"

struct step {
    int64_t now, wait;
};

/* Ten a second, three at once. */
static void run(const struct step *steps, size_t count) {
    const struct rate rate = {10, 1000, 3};
    struct limit limit = {0};

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(limit_take(&limit, steps[i].now, &rate), steps[i].wait);
    }
}

static void test_steps(void **state) {
    static const struct step burst[] = {{1000, 0}, {1000, 0}, {1000, 0},   {1000, 100},
                                        {1099, 1}, {1100, 0}, {1100, 100}, {1150, 50},
                                        {1200, 0}, {1210, 90}};
    static const struct step long_rest[] = {{1000, 0},   {1000, 0},   {100000, 0},
                                            {100000, 0}, {100000, 0}, {100000, 100}};
    /* No more than the burst is saved up. */
    static const struct step short_rest[] = {
        {1000, 0}, {1250, 0}, {1250, 0}, {1250, 0}, {1250, 100}};

    (void)state;
    run(burst, COUNT(burst));
    run(long_rest, COUNT(long_rest));
    run(short_rest, COUNT(short_rest));
}

/* One an hour is as good a rate as a hundred a second. */
static void test_slow_rate(void **state) {
    const struct rate rate = {20, 3600 * 1000, 20};
    struct limit limit = {0};

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(limit_take(&limit, 5000, &rate), 0);
    }
    assert_int_equal(limit_take(&limit, 5000, &rate), 180 * 1000);
    assert_int_equal(limit_take(&limit, 5000 + 179999, &rate), 1);
    assert_int_equal(limit_take(&limit, 5000 + 180000, &rate), 0);
    assert_int_equal(limit_take(&limit, 5000 + 180000, &rate), 180 * 1000);
}

/* Over any time, what was granted stays below the burst and the rate; and who waits as told gets
 * one. */
static void test_bound(void **state) {
    (void)state;
    for (int round = 0; round < 200; round++) {
        int32_t per_second = (int32_t)(1 + dice(200)), burst = (int32_t)(1 + dice(300));
        const struct rate rate = {per_second, 1000, burst};
        int64_t start = (int64_t)(1 + dice(1000000)), now = start, granted = 0;
        struct limit limit = {0};

        for (int i = 0; i < 500; i++) {
            int64_t wait = limit_take(&limit, now, &rate);

            granted += wait == 0;
            assert_true(granted <= burst + (now - start) * per_second / 1000 + 1);
            if (wait > 0 && dice(2)) {
                now += wait;
                assert_int_equal(limit_take(&limit, now, &rate), 0);
                granted++;
            }
            now += (int64_t)dice(20);
        }
        assert_true(granted >= burst || granted == 500);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_slow_rate),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
