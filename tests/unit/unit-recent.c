/* The keys seen last, beside a plain list. */
#include "unit.h"

#include "recent.h"

struct seen {
    int64_t room;
    unsigned char key[MESSAGE_KEY_LEN];
};

/* Keys that often share their first bytes, so that many stand in one chain. */
static struct seen draw(uint64_t rooms, uint64_t heads, uint64_t tails) {
    struct seen seen = {.room = (int64_t)dice(rooms)};

    seen.key[0] = (unsigned char)dice(heads);
    seen.key[MESSAGE_KEY_LEN - 1] = (unsigned char)dice(tails);
    return seen;
}

static bool same(const struct seen *a, const struct seen *b) {
    return a->room == b->room && memcmp(a->key, b->key, MESSAGE_KEY_LEN) == 0;
}

static void against_a_model(size_t size, uint64_t rooms, uint64_t heads, uint64_t tails) {
    struct recent *recent = recent_new(size);
    struct seen *list = calloc(size, sizeof *list);
    size_t count = 0, at = 0;

    assert_true(recent && list);
    for (int i = 0; i < 30000; i++) {
        struct seen seen = draw(rooms, heads, tails);
        bool known = false;

        for (size_t j = 0; j < count; j++) {
            known = known || same(&list[j], &seen);
        }
        assert_int_equal(recent_seen(recent, seen.room, seen.key), known);
        if (!known) {
            list[at] = seen;
            at = (at + 1) % size;
            count += count < size;
        }
    }
    free(list);
    recent_free(recent);
}

static void test_against_a_model(void **state) {
    (void)state;
    against_a_model(1, 2, 2, 2);
    against_a_model(2, 2, 2, 2);
    against_a_model(8, 1, 4, 4);
    against_a_model(8, 3, 1, 5);
    against_a_model(64, 4, 16, 4);
    against_a_model(64, 4, 1, 30);
    against_a_model(256, 20, 200, 200);
}

static void test_rooms_are_apart(void **state) {
    struct recent *recent = recent_new(8);
    unsigned char key[MESSAGE_KEY_LEN] = {1, 2, 3};

    (void)state;
    assert_false(recent_seen(recent, 5, key));
    assert_false(recent_seen(recent, 6, key));
    assert_true(recent_seen(recent, 5, key));
    assert_true(recent_seen(recent, 6, key));
    recent_free(recent);
    recent_free(NULL);
}

/* Every byte of a key counts. */
static void test_keys_that_differ_in_one_byte(void **state) {
    struct recent *recent = recent_new(64);
    unsigned char key[MESSAGE_KEY_LEN] = {0};

    (void)state;
    assert_false(recent_seen(recent, 5, key));
    for (size_t i = 0; i < MESSAGE_KEY_LEN; i++) {
        key[i] = 1;
        assert_false(recent_seen(recent, 5, key));
        assert_true(recent_seen(recent, 5, key));
        key[i] = 0;
    }
    assert_true(recent_seen(recent, 5, key));
    recent_free(recent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_rooms_are_apart),
        cmocka_unit_test(test_keys_that_differ_in_one_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
