/* Hands items from any thread to one: a stack that is pushed without a lock and taken whole.
 *
 * Taking costs the receiver one atomic exchange and no system call. Items pushed by one thread come
 * out in the order in which it pushed them. Unbounded by itself: each kind of item has a bound
 * where it is made (one load a user, one page a room, one batch a commit). */
#ifndef HUM_MAILBOX_H
#define HUM_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

/* The first member of every item. */
struct mail {
    struct mail *next;
};

struct mailbox {
    _Atomic(struct mail *) top;
    atomic_bool waiting; /* the receiver sleeps on event_fd */
    int event_fd;        /* readable after a push that found the receiver waiting */
};

/* False: no descriptor left. */
bool mailbox_init(struct mailbox *box);
/* The box must be empty. */
void mailbox_close(struct mailbox *box);

/* Any thread. True when the box was empty: the receiver may have to be woken. */
bool mailbox_push(struct mailbox *box, struct mail *item);

/* The receiver only: all items, oldest first, linked by next; NULL when there are none. */
struct mail *mailbox_take(struct mailbox *box);

/* The receiver only: whether an item is there. */
bool mailbox_pending(struct mailbox *box);

/* The receiver only: waits until an item is there, or timeout_ms are over (-1: no limit). */
void mailbox_wait(struct mailbox *box, int timeout_ms);

/* Any thread: ends a mailbox_wait without an item. */
void mailbox_ring(struct mailbox *box);

/* For a receiver that polls event_fd together with others: call arm before the poll; when it
 * returns false there is an item already and the poll must not block. Call disarm after it. */
bool mailbox_arm(struct mailbox *box);
void mailbox_disarm(struct mailbox *box);

#endif
