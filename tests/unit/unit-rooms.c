/* How far each room has come, step by step. What a room does among writer, listener and subscribers
 * is in unit-delivery.c. */
#include "unit.h"

#include "rooms.h"

static void test_unknown_rooms(void **state) {
    struct rooms *rooms = rooms_new();
    size_t count = 99;

    (void)state;
    assert_null(rooms_find(rooms, 5));
    rooms_release(rooms, 5);
    rooms_listen(rooms, 5);
    rooms_unlisten(rooms, 5);
    assert_null(rooms_find(rooms, 5));
    assert_int_equal(room_committed(NULL, 1), ROOM_DROP);
    assert_int_equal(room_reaches(NULL, 1), ROOM_DROP);
    assert_int_equal(room_fetched(NULL, true), ROOM_DROP);
    free(rooms_live(rooms, &count));
    assert_int_equal(count, 0);
    rooms_free(rooms);
    rooms_free(NULL);
}

/* A room is there as long as a set names it or somebody listens. */
static void test_a_room_is_forgotten_with_its_last_user(void **state) {
    struct rooms *rooms = rooms_new();

    (void)state;
    assert_true(rooms_hold(rooms, 5, ROOM_DM, 0, 10));
    assert_true(rooms_hold(rooms, 5, ROOM_DM, 0, 10));
    rooms_release(rooms, 5);
    assert_non_null(rooms_find(rooms, 5));
    rooms_listen(rooms, 5);
    rooms_release(rooms, 5);
    assert_non_null(rooms_find(rooms, 5));
    rooms_release(rooms, 5);
    rooms_unlisten(rooms, 5);
    assert_null(rooms_find(rooms, 5));
    rooms_free(rooms);
}

static void test_what_a_new_room_knows(void **state) {
    struct rooms *rooms = rooms_new();

    (void)state;
    assert_true(rooms_hold(rooms, 5, ROOM_DM, 0, 10));
    const struct room *room = rooms_find(rooms, 5);
    assert_int_equal(room->id, 5);
    assert_int_equal(room->kind, ROOM_DM);
    assert_int_equal(room->head, 10);
    assert_int_equal(room->wanted, 10);
    assert_true(rooms_hold(rooms, 5, ROOM_DM, 0, 12)); /* nobody listens: the newer number counts */
    assert_int_equal(room->head, 12);
    assert_true(rooms_hold(rooms, 5, ROOM_DM, 0, 11));
    assert_int_equal(room->head, 12);
    rooms_listen(rooms, 5);
    assert_true(rooms_hold(rooms, 5, ROOM_DM, 0, 20)); /* 13 to 20 are still to be delivered */
    assert_int_equal(room->head, 12);
    rooms_free(rooms);
}

static void test_live_rooms_are_listed(void **state) {
    struct rooms *rooms = rooms_new();
    size_t count;
    int64_t sum = 0;

    (void)state;
    for (int64_t id = 1; id <= 100; id++) {
        assert_true(rooms_hold(rooms, id, ROOM_DM, 0, 0));
        if (id % 3 == 0) {
            rooms_listen(rooms, id);
        }
    }
    rooms_listen(rooms, 3);
    int64_t *ids = rooms_live(rooms, &count);
    assert_int_equal(count, 33);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ids[i] % 3, 0);
        sum += ids[i];
    }
    assert_int_equal(sum, 3 * 33 * 34 / 2);
    free(ids);
    rooms_free(rooms);
}

enum step_kind { LISTEN, UNLISTEN, COMMITTED, REACHES, FETCHED, FETCHED_NOTHING };

struct step {
    enum step_kind kind;
    int64_t seq;
    enum room_step expected;
    int64_t head; /* afterwards */
};

/* A room that starts at 10. */
static void run(const struct step *steps, size_t count) {
    struct rooms *rooms = rooms_new();

    assert_true(rooms_hold(rooms, 5, ROOM_DM, 0, 10));
    struct room *room = rooms_find(rooms, 5);
    for (size_t i = 0; i < count; i++) {
        enum room_step step = steps[i].expected;

        switch (steps[i].kind) {
        case LISTEN:
            rooms_listen(rooms, 5);
            break;
        case UNLISTEN:
            rooms_unlisten(rooms, 5);
            break;
        case COMMITTED:
            step = room_committed(room, steps[i].seq);
            break;
        case REACHES:
            step = room_reaches(room, steps[i].seq);
            break;
        case FETCHED:
        case FETCHED_NOTHING:
            step = room_fetched(room, steps[i].kind == FETCHED);
            break;
        }
        if (step != steps[i].expected || room->head != steps[i].head) {
            fail_msg("step %zu: %d, head %lld", i, (int)step, (long long)room->head);
        }
    }
    rooms_free(rooms);
}

#define RUN(...)                                                                                   \
    do {                                                                                           \
        static const struct step steps[] = {__VA_ARGS__};                                          \
        (void)state;                                                                               \
        run(steps, COUNT(steps));                                                                  \
    } while (0)

static void test_nobody_listens(void **state) {
    RUN({COMMITTED, 11, ROOM_DROP, 11}, {COMMITTED, 13, ROOM_DROP, 13},
        {COMMITTED, 12, ROOM_DROP, 13}, {REACHES, 20, ROOM_DROP, 20}, {REACHES, 15, ROOM_DROP, 20},
        {LISTEN, 0, ROOM_DROP, 20}, {COMMITTED, 21, ROOM_DELIVER, 21});
}

static void test_one_after_another(void **state) {
    RUN({LISTEN, 0, ROOM_DROP, 10}, {COMMITTED, 11, ROOM_DELIVER, 11},
        {COMMITTED, 12, ROOM_DELIVER, 12}, {COMMITTED, 12, ROOM_DROP, 12},
        {COMMITTED, 3, ROOM_DROP, 12}, {REACHES, 12, ROOM_DROP, 12},
        {COMMITTED, 13, ROOM_DELIVER, 13});
}

/* Something between is missing: asked for once, and again when more was learnt meanwhile. */
static void test_a_gap_is_fetched(void **state) {
    RUN({LISTEN, 0, ROOM_DROP, 10}, {COMMITTED, 13, ROOM_FETCH, 10}, {COMMITTED, 14, ROOM_DROP, 10},
        {REACHES, 15, ROOM_DROP, 10}, {COMMITTED, 11, ROOM_DELIVER, 11},
        {COMMITTED, 12, ROOM_DELIVER, 12}, {FETCHED, 0, ROOM_FETCH, 12},
        {COMMITTED, 13, ROOM_DELIVER, 13}, {COMMITTED, 14, ROOM_DELIVER, 14},
        {COMMITTED, 15, ROOM_DELIVER, 15}, {FETCHED, 0, ROOM_DROP, 15},
        {COMMITTED, 16, ROOM_DELIVER, 16});
}

static void test_a_head_is_fetched(void **state) {
    RUN({LISTEN, 0, ROOM_DROP, 10}, {REACHES, 11, ROOM_FETCH, 10}, {REACHES, 12, ROOM_DROP, 10},
        {COMMITTED, 11, ROOM_DELIVER, 11}, {FETCHED, 0, ROOM_FETCH, 11},
        {COMMITTED, 12, ROOM_DELIVER, 12}, {FETCHED, 0, ROOM_DROP, 12});
}

/* What is not there is not asked for for ever; the next number asks again. */
static void test_what_is_not_there(void **state) {
    RUN({LISTEN, 0, ROOM_DROP, 10}, {REACHES, 12, ROOM_FETCH, 10},
        {FETCHED_NOTHING, 0, ROOM_DROP, 10}, {REACHES, 12, ROOM_FETCH, 10},
        {FETCHED_NOTHING, 0, ROOM_DROP, 10}, {COMMITTED, 11, ROOM_DELIVER, 11});
}

/* The last listener leaves while a page is under way: a new one starts at the end of the log. */
static void test_listeners_come_and_go(void **state) {
    RUN({LISTEN, 0, ROOM_DROP, 10}, {COMMITTED, 13, ROOM_FETCH, 10}, {UNLISTEN, 0, ROOM_DROP, 13},
        {COMMITTED, 14, ROOM_DROP, 14}, {LISTEN, 0, ROOM_DROP, 14}, {COMMITTED, 11, ROOM_DROP, 14},
        {FETCHED_NOTHING, 0, ROOM_DROP, 14}, {COMMITTED, 15, ROOM_DELIVER, 15});
    RUN({LISTEN, 0, ROOM_DROP, 10}, {LISTEN, 0, ROOM_DROP, 10}, {REACHES, 12, ROOM_FETCH, 10},
        {UNLISTEN, 0, ROOM_DROP, 10}, {COMMITTED, 11, ROOM_DELIVER, 11},
        {UNLISTEN, 0, ROOM_DROP, 12}, {FETCHED, 0, ROOM_DROP, 12}, {UNLISTEN, 0, ROOM_DROP, 12},
        {LISTEN, 0, ROOM_DROP, 12}, {COMMITTED, 13, ROOM_DELIVER, 13});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_rooms),
        cmocka_unit_test(test_a_room_is_forgotten_with_its_last_user),
        cmocka_unit_test(test_what_a_new_room_knows),
        cmocka_unit_test(test_live_rooms_are_listed),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_one_after_another),
        cmocka_unit_test(test_a_gap_is_fetched),
        cmocka_unit_test(test_a_head_is_fetched),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_listeners_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
