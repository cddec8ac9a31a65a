/* How many of a thing one person may have: what one can make without end is bounded. */
#ifndef HUM_DOMAIN_LIMITS_H
#define HUM_DOMAIN_LIMITS_H

#include "store/limits.h"

enum {
    SERVERS_OWNED_MAX = 100,
    SERVERS_JOINED_MAX = 1000, /* those of others */
    FRIENDS_MAX = 5000,
    REQUESTS_SENT_MAX = 500, /* that wait for an answer */
    INVITES_SENT_MAX = 500,  /* that wait for an answer */
    BLOCKS_MAX = 1000,
    CODES_MAX = 50, /* invite codes that can be used, of one member of one server */
};

enum limit {
    LIMIT_SERVERS_OWNED,
    LIMIT_SERVERS_JOINED,
    LIMIT_FRIENDS,
    LIMIT_REQUESTS_SENT,
    LIMIT_INVITES_SENT,
    LIMIT_BLOCKS
};

/* Within a transaction, before user gets one more: HUM_OK or HUM_LIMIT_REACHED. Whatever else is
 * counted for this user waits until the transaction ends. Taken after the locks of rooms, servers
 * and pairs of people, and before anything is written to an inbox. */
HUM_MUSTCHECK enum pg_outcome limits_hold(struct pg *pg, enum limit limit, int64_t user,
                                          enum hum_status *ret_status);
/* The same of two people, for what each gets one more of; locked in one order, whoever comes first.
 */
HUM_MUSTCHECK enum pg_outcome limits_hold_both(struct pg *pg, enum limit limit, int64_t a,
                                               int64_t b, enum hum_status *ret_status);

#endif
