/* How long the broker's thread may wait. */
#include "unit.h"

#include "budget.h"

static void test_steps(void **state) {
    static const struct {
        int64_t now, allowed;
        int64_t spend; /* -1: nothing */
        bool loaded;
    } steps[] = {
        {1000, 10, 10, true}, /* a time */
        {1100, 10, 10, true}, {1200, 10, 10, true}, {1300, 10, 10, true},  {1400, 10, 4, true},
        {1500, 6, 6, true}, /* what is left of the second */
        {1600, 0, -1, true},  {1999, 0, -1, true},  {2000, 10, 3, true}, /* another second */
        {2001, 10, -1, true}, {2002, 10, 45, true}, /* the wait took longer than it was given */
        {2003, 2, 2, true},   {2004, 0, -1, true},  {3500, 10, 10, false}, /* in vain: none any more
                                                                            */
        {3501, 0, -1, false}, {9000, 0, -1, false},
    };
    struct budget budget = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        assert_int_equal(budget_allows(&budget, steps[i].now), steps[i].allowed);
        if (steps[i].spend >= 0) {
            budget_spend(&budget, steps[i].spend, steps[i].loaded);
        }
    }
    budget_renew(&budget);
    assert_int_equal(budget_allows(&budget, 9001), 10);
}

/* Whatever the calls, what was granted in any second stays within the bound. */
static void test_bound(void **state) {
    struct budget budget = {0};
    int64_t now = 5000, second = now, spent = 0;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        int64_t allowed = budget_allows(&budget, now);

        if (now - second >= 1000) {
            second = now;
            spent = 0;
        }
        assert_in_range(allowed, 0, BUDGET_ONCE_MS);
        int64_t used = allowed > 0 ? (int64_t)dice((uint64_t)allowed + 1) : 0;
        spent += used;
        assert_true(spent <= BUDGET_SECOND_MS);
        if (allowed > 0) {
            budget_spend(&budget, used, dice(20) > 0);
        }
        if (dice(10) == 0) {
            budget_renew(&budget);
        }
        now += used + (int64_t)dice(30);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
