/* Mailboxes: the order of each sender, nothing lost, nobody left asleep. */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "mailbox.h"

enum { SENDERS = 4, EACH = 20000 };

struct letter {
    struct mail mail;
    int sender, number;
};

static int64_t ms_now(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_one_thread(void **state) {
    struct mailbox box;
    struct letter letters[3] = {{.number = 1}, {.number = 2}, {.number = 3}};

    (void)state;
    assert_true(mailbox_init(&box));
    assert_null(mailbox_take(&box));
    assert_false(mailbox_pending(&box));
    assert_true(mailbox_push(&box, &letters[0].mail));
    assert_true(mailbox_pending(&box));
    assert_false(mailbox_push(&box, &letters[1].mail));
    assert_false(mailbox_push(&box, &letters[2].mail));
    struct mail *mail = mailbox_take(&box);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(mail, &letters[i].mail);
        mail = mail->next;
    }
    assert_null(mail);
    assert_false(mailbox_pending(&box));
    assert_null(mailbox_take(&box));
    assert_true(mailbox_push(&box, &letters[0].mail));
    assert_ptr_equal(mailbox_take(&box), &letters[0].mail);
    mailbox_close(&box);
    mailbox_close(&box);
}

static bool readable(const struct mailbox *box) {
    struct pollfd wait = {.fd = box->event_fd, .events = POLLIN};

    return poll(&wait, 1, 0) == 1;
}

/* The descriptor is written to for a receiver that waits, once, and for no other. */
static void test_arming(void **state) {
    struct mailbox box;
    struct letter letters[3] = {{.number = 1}, {.number = 2}, {.number = 3}};

    (void)state;
    assert_true(mailbox_init(&box));
    mailbox_push(&box, &letters[0].mail);
    assert_false(readable(&box));
    assert_false(mailbox_arm(&box)); /* an item is there already */
    mailbox_disarm(&box);
    (void)mailbox_take(&box);

    assert_true(mailbox_arm(&box));
    assert_false(readable(&box));
    mailbox_push(&box, &letters[1].mail);
    assert_true(readable(&box));
    mailbox_disarm(&box);
    assert_false(readable(&box));
    mailbox_push(&box, &letters[2].mail);
    assert_false(readable(&box));
    assert_ptr_equal(mailbox_take(&box), &letters[1].mail);
    mailbox_close(&box);
}

static void test_waiting(void **state) {
    struct mailbox box;
    struct letter letter = {.number = 1};
    int64_t start = ms_now();

    (void)state;
    assert_true(mailbox_init(&box));
    mailbox_wait(&box, 20);
    assert_true(ms_now() - start >= 19);
    mailbox_push(&box, &letter.mail);
    mailbox_wait(&box, -1); /* returns: an item is there */
    assert_ptr_equal(mailbox_take(&box), &letter.mail);
    mailbox_close(&box);
}

static void *ring(void *arg) {
    (void)poll(NULL, 0, 20);
    mailbox_ring(arg);
    return NULL;
}

static void test_ringing(void **state) {
    struct mailbox box;
    pthread_t thread;

    (void)state;
    assert_true(mailbox_init(&box));
    assert_int_equal(pthread_create(&thread, NULL, ring, &box), 0);
    mailbox_wait(&box, -1);
    assert_null(mailbox_take(&box));
    pthread_join(thread, NULL);
    mailbox_close(&box);
}

struct sender {
    struct mailbox *box;
    struct letter *letters;
    pthread_t thread;
};

static void *send_all(void *arg) {
    struct sender *sender = arg;

    for (int i = 0; i < EACH; i++) {
        mailbox_push(sender->box, &sender->letters[i].mail);
        if (i % 512 == 0) {
            (void)poll(NULL, 0, 1); /* the receiver falls asleep */
        }
    }
    return NULL;
}

static void test_many_senders(void **state) {
    static struct letter letters[SENDERS][EACH];
    struct sender senders[SENDERS];
    int next[SENDERS] = {0}, left = SENDERS * EACH;
    struct mailbox box;

    (void)state;
    assert_true(mailbox_init(&box));
    for (int s = 0; s < SENDERS; s++) {
        for (int i = 0; i < EACH; i++) {
            letters[s][i] = (struct letter){.sender = s, .number = i};
        }
        senders[s] = (struct sender){.box = &box, .letters = letters[s]};
        assert_int_equal(pthread_create(&senders[s].thread, NULL, send_all, &senders[s]), 0);
    }
    while (left > 0) {
        mailbox_wait(&box, -1);
        for (struct mail *mail = mailbox_take(&box); mail; left--) {
            const struct letter *letter = (const struct letter *)mail;

            assert_int_equal(letter->number, next[letter->sender]++);
            mail = mail->next;
        }
    }
    for (int s = 0; s < SENDERS; s++) {
        pthread_join(senders[s].thread, NULL);
    }
    assert_false(mailbox_pending(&box));
    mailbox_close(&box);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread),   cmocka_unit_test(test_arming),
        cmocka_unit_test(test_waiting),      cmocka_unit_test(test_ringing),
        cmocka_unit_test(test_many_senders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
