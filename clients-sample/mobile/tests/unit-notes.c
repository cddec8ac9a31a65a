/* Events that wait for hum_wait: their order, what goes when there are too many, and the end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "notes.h"

static struct notes *notes;

static int make(void **state) {
    (void)state;
    notes = notes_new(NULL, NULL);
    return notes ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    notes_free(notes);
    return 0;
}

static void tell(hum_event_kind kind, int64_t seq) {
    notes_tell(notes, &(hum_event){.kind = kind, .room = 1, .seq = seq});
}

static void in_their_order_with_their_texts(void **state) {
    char text[] = "here";
    hum_event event;

    (void)state;
    notes_tell(notes, &(hum_event){.kind = HUM_EVENT_ANSWER, .call = 1, .text = text});
    memcpy(text, "gone", sizeof text);
    tell(HUM_EVENT_MESSAGE, 2);
    assert_true(notes_wait(notes, 0, &event));
    assert_string_equal(event.text, "here");
    assert_true(notes_wait(notes, -1, &event));
    assert_int_equal(event.seq, 2);
    assert_false(notes_wait(notes, 0, &event));
    assert_false(notes_wait(notes, 1, &event));
    tell(HUM_EVENT_MESSAGE, 3);
    assert_true(notes_wait(notes, 0, &event));
}

static void the_lightest_go_first(void **state) {
    hum_event event;

    (void)state;
    tell(HUM_EVENT_TYPING, 1);
    for (int i = 0; i < NOTES_MAX; i++) {
        tell(HUM_EVENT_MESSAGE, i);
    }
    for (int i = 0; i < NOTES_MAX; i++) {
        assert_true(notes_wait(notes, 0, &event));
        assert_int_equal(event.kind, HUM_EVENT_MESSAGE);
        assert_int_equal(event.seq, i);
    }
    assert_false(notes_wait(notes, 0, &event));
}

static void what_is_lost_is_said(void **state) {
    hum_event event;

    (void)state;
    for (int i = 0; i < NOTES_MAX + 5; i++) {
        tell(HUM_EVENT_MESSAGE, i);
    }
    assert_true(notes_wait(notes, 0, &event));
    assert_true(event.kind == HUM_EVENT_MESSAGE && event.room == 0);
    assert_true(notes_wait(notes, 0, &event));
    assert_int_equal(event.seq, 5);
}

static void answers_never_go(void **state) {
    hum_event event;

    (void)state;
    tell(HUM_EVENT_ANSWER, 1);
    for (int i = 0; i < 3 * NOTES_MAX; i++) {
        tell(i % 2 ? HUM_EVENT_MESSAGE : HUM_EVENT_PRESENCE, i);
    }
    assert_true(notes_wait(notes, 0, &event)); /* something was lost */
    assert_true(notes_wait(notes, 0, &event));
    assert_int_equal(event.kind, HUM_EVENT_ANSWER);
}

static void *wait_for_ever(void *ret_came) {
    hum_event event;

    *(bool *)ret_came = notes_wait(notes, -1, &event);
    return NULL;
}

/* Whether it is in there already or comes later. */
static void who_waits_is_let_go(void **state) {
    pthread_t thread;
    bool came = true;
    hum_event event;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, &came), 0);
    notes_end(notes);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(came);
    tell(HUM_EVENT_MESSAGE, 1);
    assert_false(notes_wait(notes, -1, &event));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_their_order_with_their_texts, make, end),
        cmocka_unit_test_setup_teardown(the_lightest_go_first, make, end),
        cmocka_unit_test_setup_teardown(what_is_lost_is_said, make, end),
        cmocka_unit_test_setup_teardown(answers_never_go, make, end),
        cmocka_unit_test_setup_teardown(who_waits_is_let_go, make, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
