/* Sign-ins to one account: slower and slower for those who guess, and never for its owner.
 *
 * Whether somebody is the owner is not known before the password is right, so that is judged by
 * where they come from:
 * - An address that the account was signed in from or refreshed from in the last 30 days, and the
 *   network around it, are at home. What strangers do does not count there: each such address has
 *   10 a minute to itself, and the rest of each such network 10 together.
 * - Everybody else shares the account's 10 a minute (10 at once). Who has tried it more than
 *   SIEGE_FRESH times from one network waits besides, the longer the more strangers have tried it
 *   lately: up to 15 minutes between any two of them.
 * - Who has not, say the owner on a journey, does not wait for those: 5 more at once are set aside
 *   for such, and what comes back is theirs first.
 *
 * Accounts that do not exist are treated the same: nothing here knows which do. All in bounded
 * memory, and gone with the process; a refresh, which every client makes each 15 minutes, brings
 * homes back. One thread at a time. */
#ifndef HUM_SIEGE_H
#define HUM_SIEGE_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

enum { SIEGE_FRESH = 3 };

struct siege;

/* Keys of one try, which nobody outside can choose, and which are different from one another. */
struct siege_keys {
    uint64_t account;
    uint64_t network; /* of account and network together */
    uint64_t address; /* of account and address together */
};

/* HUM_INTERNAL: no memory. */
HUM_MUSTCHECK enum hum_status siege_new(struct siege **ret_siege);
/* NULL is fine. */
void siege_free(struct siege *siege);
/* A password is to be tried. 0: do; else the milliseconds until it may be. now_ms: of a steady
 * clock, more than 0. *ret_home: whether that is at home. */
int64_t siege_try(struct siege *siege, const struct siege_keys *keys, int64_t now_ms,
                  bool *ret_home);
/* Whether that is at home; *ret_place: at which one, the address or else the network. */
bool siege_home(const struct siege *siege, const struct siege_keys *keys, int64_t now_ms,
                uint64_t *ret_place);
/* Who is there is the owner: the password was right, or came a good token. */
void siege_owner(struct siege *siege, const struct siege_keys *keys, int64_t now_ms);
/* How many accounts under attack had to make room for others. */
uint64_t siege_evicted(const struct siege *siege);

#endif
