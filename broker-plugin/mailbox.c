#include "mailbox.h"

#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool mailbox_init(struct mailbox *box) {
    atomic_init(&box->top, NULL);
    atomic_init(&box->waiting, false);
    box->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return box->event_fd >= 0;
}

void mailbox_close(struct mailbox *box) {
    if (box->event_fd >= 0) {
        close(box->event_fd);
        box->event_fd = -1;
    }
}

void mailbox_ring(struct mailbox *box) {
    uint64_t one = 1;

    (void)!write(box->event_fd, &one, sizeof one);
}

bool mailbox_push(struct mailbox *box, struct mail *item) {
    struct mail *top = atomic_load_explicit(&box->top, memory_order_relaxed);

    do {
        item->next = top;
    } while (!atomic_compare_exchange_weak(&box->top, &top, item));
    /* Sequentially consistent with arm: either the receiver sees the item or we see it waiting. */
    if (atomic_exchange(&box->waiting, false)) {
        mailbox_ring(box);
    }
    return top == NULL;
}

struct mail *mailbox_take(struct mailbox *box) {
    struct mail *newest = atomic_exchange_explicit(&box->top, NULL, memory_order_acq_rel);
    struct mail *oldest = NULL;

    while (newest) {
        struct mail *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

bool mailbox_pending(struct mailbox *box) {
    return atomic_load_explicit(&box->top, memory_order_relaxed) != NULL;
}

bool mailbox_arm(struct mailbox *box) {
    atomic_store(&box->waiting, true);
    return atomic_load(&box->top) == NULL;
}

void mailbox_disarm(struct mailbox *box) {
    uint64_t count;

    atomic_store(&box->waiting, false);
    (void)!read(box->event_fd, &count, sizeof count);
}

void mailbox_wait(struct mailbox *box, int timeout_ms) {
    if (mailbox_arm(box)) {
        struct pollfd wait = {.fd = box->event_fd, .events = POLLIN};

        (void)poll(&wait, 1, timeout_ms);
    }
    mailbox_disarm(box);
}
