/* Read marks on their way: the newest of each, once a second, beside a plain table. */
#include "unit.h"

#include "marks.h"

enum { USERS = 6, ROOMS = 4, TAKE = 5 };

struct told {
    int64_t kept, written, at;
};

static void test_against_a_model(void **state) {
    /* kept: the highest since it was written last. */
    struct told model[USERS + 1][ROOMS + 1] = {{{0}}};
    struct marks *marks = marks_new();
    int64_t now = 1;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        if (dice(3)) {
            struct read_mark mark = {(int64_t)(1 + dice(USERS)), (int64_t)(1 + dice(ROOMS)),
                                     (int64_t)(1 + dice(1000000))};
            struct told *told = &model[mark.user][mark.room];

            assert_int_equal(marks_put(marks, &mark, now), HUM_OK);
            told->kept = mark.seq > told->kept ? mark.seq : told->kept;
        } else {
            struct read_mark list[TAKE];
            size_t count = marks_take(marks, list, TAKE, now);

            assert_true(count <= TAKE);
            for (size_t n = 0; n < count; n++) {
                struct told *told = &model[list[n].user][list[n].room];

                assert_true(told->at == 0 || now - told->at >= MARK_PAUSE_MS);
                assert_int_equal(list[n].seq, told->kept);
                told->written = list[n].seq;
                told->kept = 0;
                told->at = now;
            }
        }
        now += (int64_t)dice(40);
    }
    /* In the end the newest of each has been written. */
    struct read_mark list[USERS * ROOMS];
    size_t count = marks_take(marks, list, COUNT(list), now + MARK_PAUSE_MS);
    for (size_t n = 0; n < count; n++) {
        model[list[n].user][list[n].room].written = list[n].seq;
    }
    for (int user = 1; user <= USERS; user++) {
        for (int room = 1; room <= ROOMS; room++) {
            assert_true(model[user][room].written > 0);
        }
    }
    marks_free(marks);
}

static void test_one_mark(void **state) {
    struct marks *marks = marks_new();
    const struct read_mark five = {1, 2, 5}, four = {1, 2, 4}, six = {1, 2, 6};
    struct read_mark list[3];

    (void)state;
    assert_int_equal(marks_take(marks, list, 3, 1000), 0);
    assert_int_equal(marks_put(marks, &five, 1000), HUM_OK);
    assert_int_equal(marks_put(marks, &four, 1000), HUM_OK);
    assert_int_equal(marks_take(marks, list, 0, 1000), 0);
    assert_int_equal(marks_take(marks, list, 3, 1000), 1); /* the first one at once */
    assert_memory_equal(&list[0], &five, sizeof five);
    assert_int_equal(marks_put(marks, &six, 1001), HUM_OK);
    assert_int_equal(marks_take(marks, list, 3, 1000 + MARK_PAUSE_MS - 1), 0);
    assert_int_equal(marks_take(marks, list, 3, 1000 + MARK_PAUSE_MS), 1);
    assert_memory_equal(&list[0], &six, sizeof six);
    assert_int_equal(marks_take(marks, list, 3, 4000), 0);
    /* What the database has made of the last one is not known here: a lower one is told, too. */
    assert_int_equal(marks_put(marks, &four, 5000), HUM_OK);
    assert_int_equal(marks_take(marks, list, 3, 9000), 1);
    assert_memory_equal(&list[0], &four, sizeof four);
    marks_free(marks);
    marks_free(NULL);
}

static void test_bound(void **state) {
    struct marks *marks = marks_new();
    struct read_mark mark = {0, 1, 1}, list[100];

    (void)state;
    for (mark.user = 1; mark.user <= MARKS_MAX; mark.user++) {
        assert_int_equal(marks_put(marks, &mark, 1), HUM_OK);
    }
    assert_int_equal(marks_put(marks, &mark, 1), HUM_UNAVAILABLE);
    mark = (struct read_mark){1, 1, 2}; /* one that is there may still move */
    assert_int_equal(marks_put(marks, &mark, 1), HUM_OK);
    size_t taken = 0;
    for (size_t count = 1; count > 0; taken += count) {
        count = marks_take(marks, list, COUNT(list), 1);
    }
    assert_int_equal(taken, MARKS_MAX);
    /* Written ones are forgotten after their pause, and others have room. */
    mark.user = MARKS_MAX + 1;
    assert_int_equal(marks_put(marks, &mark, 2), HUM_UNAVAILABLE);
    assert_int_equal(marks_take(marks, list, COUNT(list), 1 + MARK_PAUSE_MS), 0);
    assert_int_equal(marks_put(marks, &mark, 2 + MARK_PAUSE_MS), HUM_OK);
    marks_free(marks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_one_mark),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
