/* One user's rights and sessions, beside plain arrays. */
#include "unit.h"

#include "access.h"

enum { ROOMS = 60, SESSIONS = 40, STEPS = 20000 };

static struct access_right right_of(int64_t room, int rights) {
    return (struct access_right){.room = room,
                                 .last_seq = (int64_t)dice(1000),
                                 .kind = (uint8_t)(1 + dice(4)),
                                 .rights = (uint8_t)rights};
}

static void assert_ascending(const struct access_set *set) {
    for (size_t i = 1; i < set->right_count; i++) {
        assert_true(set->rights[i - 1].room < set->rights[i].room);
    }
    for (size_t i = 1; i < set->session_count; i++) {
        assert_true(set->sessions[i - 1].id < set->sessions[i].id);
    }
}

static void test_rights_against_a_model(void **state) {
    struct access_set *set = access_set_new(5);
    struct access_right model[ROOMS + 1] = {{0}};

    (void)state;
    assert_int_equal(set->user, 5);
    for (int i = 0; i < STEPS; i++) {
        int64_t room = (int64_t)(1 + dice(ROOMS));
        struct access_right right = right_of(room * 3, (int)dice(4));

        assert_int_equal(access_set_right(set, &right), HUM_OK);
        model[room] = right;
        assert_ascending(set);
        size_t count = 0;
        for (int64_t r = 1; r <= ROOMS; r++) {
            const struct access_right *found = access_find(set, r * 3);

            count += model[r].rights > 0;
            assert_int_equal(access_rights(set, r * 3), model[r].rights);
            assert_int_equal(found != NULL, model[r].rights > 0);
            assert_null(access_find(set, r * 3 + 1));
            if (found) {
                assert_int_equal(found->last_seq, model[r].last_seq);
                assert_int_equal(found->kind, model[r].kind);
            }
        }
        assert_int_equal(set->right_count, count);
    }
    access_set_free(set);
}

static void test_sessions_against_a_model(void **state) {
    struct access_set *set = access_set_new(5);
    int64_t ends[SESSIONS + 1] = {0};

    (void)state;
    for (int i = 0; i < STEPS; i++) {
        int64_t session = (int64_t)(1 + dice(SESSIONS));

        if (dice(2)) {
            ends[session] = (int64_t)(1 + dice(100));
            assert_int_equal(access_set_session(set, session * 2, ends[session]), HUM_OK);
        } else {
            ends[session] = 0;
            access_set_drop_session(set, session * 2);
        }
        assert_ascending(set);
        int64_t now = (int64_t)dice(101);
        for (int64_t s = 1; s <= SESSIONS; s++) {
            assert_int_equal(access_session_lives(set, s * 2, now), ends[s] > now);
            assert_false(access_session_lives(set, s * 2 + 1, now));
        }
    }
    access_set_free(set);
}

static void test_friends_against_a_model(void **state) {
    struct access_set *set = access_set_new(5);
    bool friends[ROOMS + 1] = {false};

    (void)state;
    for (int i = 0; i < STEPS; i++) {
        int64_t friend = (int64_t)(1 + dice(ROOMS));

        friends[friend] = dice(2);
        if (friends[friend]) {
            assert_int_equal(access_set_friend(set, friend * 2), HUM_OK);
        } else {
            access_set_drop_friend(set, friend * 2);
        }
        for (int64_t f = 1; f <= ROOMS; f++) {
            assert_int_equal(access_is_friend(set, f * 2), friends[f]);
            assert_false(access_is_friend(set, f * 2 + 1));
        }
    }
    for (size_t i = 1; i < set->friend_count; i++) {
        assert_true(set->friends[i - 1].id < set->friends[i].id);
    }
    access_set_free(set);
}

static void test_without_a_set(void **state) {
    (void)state;
    assert_null(access_find(NULL, 5));
    assert_int_equal(access_rights(NULL, 5), 0);
    assert_false(access_session_lives(NULL, 5, 0));
    assert_false(access_is_friend(NULL, 5));
    access_set_free(NULL);
}

static void test_an_empty_set(void **state) {
    struct access_set *set = access_set_new(5);
    const struct access_right none = {.room = 7, .kind = ROOM_DM};

    (void)state;
    assert_null(access_find(set, 5));
    assert_false(access_session_lives(set, 5, 0));
    access_set_drop_session(set, 5);
    assert_int_equal(access_set_right(set, &none), HUM_OK);
    assert_int_equal(set->right_count, 0);
    access_set_free(set);
}

/* Ids hold milliseconds from bit 22 on: ten seconds of doubt. */
static void test_sessions_that_may_be_newer(void **state) {
    struct access_set *set = access_set_new(5);
    const int64_t ms = INT64_C(1) << 22, as_of = 50000 * ms + 77;

    (void)state;
    set->as_of = as_of;
    assert_true(access_session_may_be_newer(set, as_of + 1));
    assert_true(access_session_may_be_newer(set, as_of));
    assert_true(access_session_may_be_newer(set, INT64_MAX));
    assert_true(access_session_may_be_newer(set, as_of - 9999 * ms));
    assert_false(access_session_may_be_newer(set, as_of - 10000 * ms));
    assert_false(access_session_may_be_newer(set, as_of - 10001 * ms));
    assert_false(access_session_may_be_newer(set, 1));
    access_set_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rights_against_a_model),
        cmocka_unit_test(test_sessions_against_a_model),
        cmocka_unit_test(test_friends_against_a_model),
        cmocka_unit_test(test_without_a_set),
        cmocka_unit_test(test_an_empty_set),
        cmocka_unit_test(test_sessions_that_may_be_newer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
