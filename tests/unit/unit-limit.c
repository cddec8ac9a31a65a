/* Token buckets. */
#include "unit.h"

#include "limit.h"

struct step {
    int64_t now, wait;
};

/* Ten a second, three at once. */
static void run(const struct step *steps, size_t count) {
    struct limit limit = {0};

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(limit_take(&limit, steps[i].now, 10, 3), steps[i].wait);
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

/* Over any time, what was granted stays below the burst and the rate; and who waits as told gets
 * one. */
static void test_bound(void **state) {
    (void)state;
    for (int round = 0; round < 200; round++) {
        int32_t per_second = (int32_t)(1 + dice(200)), burst = (int32_t)(1 + dice(300));
        int64_t start = (int64_t)(1 + dice(1000000)), now = start, granted = 0;
        struct limit limit = {0};

        for (int i = 0; i < 500; i++) {
            int64_t wait = limit_take(&limit, now, per_second, burst);

            granted += wait == 0;
            assert_true(granted <= burst + (now - start) * per_second / 1000 + 1);
            if (wait > 0 && dice(2)) {
                now += wait;
                assert_int_equal(limit_take(&limit, now, per_second, burst), 0);
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
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
