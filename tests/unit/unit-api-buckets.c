/* A bounded table of token buckets. */
#include "unit.h"

#include "buckets.h"

enum { SLOTS = 1024 };

static const struct rate rate = {10, 1000, 20};

static struct buckets *make(void) {
    struct buckets *buckets = NULL;

    assert_int_equal(buckets_new(SLOTS, &buckets), HUM_OK);
    return buckets;
}

/* As keyed hashes are. */
static uint64_t key(uint64_t i) {
    i = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9u;
    return i ^ (i >> 31);
}

static void test_each_has_its_own(void **state) {
    struct buckets *buckets = make();

    (void)state;
    for (uint64_t i = 1; i <= 8; i++) {
        for (int n = 0; n < 20; n++) {
            assert_int_equal(buckets_take(buckets, key(i), 1000, &rate), 0);
        }
        assert_int_equal(buckets_take(buckets, key(i), 1000, &rate), 100);
    }
    assert_int_equal(buckets_take(buckets, key(1), 1100, &rate), 0);
    assert_int_equal(buckets_evicted(buckets), 0);
    buckets_free(buckets);
}

/* Those who came once make room, not the one who comes all the time. */
static void test_who_makes_room(void **state) {
    struct buckets *buckets = make();

    (void)state;
    for (int n = 0; n < 20; n++) {
        assert_int_equal(buckets_take(buckets, key(1), 1000, &rate), 0);
    }
    for (uint64_t i = 2; i < 100000; i++) {
        assert_int_equal(buckets_take(buckets, key(i), 1000, &rate), 0);
    }
    assert_int_equal(buckets_take(buckets, key(1), 1000, &rate), 100);
    assert_true(buckets_evicted(buckets) > 90000);
    buckets_free(buckets);
}

/* What is full again takes no room. */
static void test_full_again(void **state) {
    struct buckets *buckets = make();
    int64_t now = 1000;

    (void)state;
    for (uint64_t i = 1; i < 100000; i++, now += 100) {
        assert_int_equal(buckets_take(buckets, key(i), now, &rate), 0);
    }
    assert_int_equal(buckets_evicted(buckets), 0);
    buckets_free(buckets);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_has_its_own),
        cmocka_unit_test(test_who_makes_room),
        cmocka_unit_test(test_full_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
