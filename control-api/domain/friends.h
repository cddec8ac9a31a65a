/* Friendships: asked for, accepted, declined, taken back, ended. */
#ifndef HUM_DOMAIN_FRIENDS_H
#define HUM_DOMAIN_FRIENDS_H

#include "store/friends.h"

/* Whom a request goes to: an id, or the key of a nickname. */
struct friend_target {
    int64_t id; /* 0: nickname_key tells */
    struct str nickname_key;
};

/* Asks for a friendship, or, where the other had asked, accepts. ret_rows gets one row (the other,
 * with the state reached), freed with pg_result_free. HUM_NOT_FOUND: nobody is that;
 * HUM_INVALID_REQUEST: the caller is; HUM_ALREADY_FRIENDS; HUM_REQUEST_PENDING; HUM_BLOCKED and
 * HUM_FORBIDDEN as blocks_check; HUM_LIMIT_REACHED. Events FriendRequestSent or
 * FriendRequestAccepted. */
HUM_MUSTCHECK enum hum_status friends_request(struct pg *pg, int64_t caller,
                                              const struct friend_target *target,
                                              struct pg_result **ret_rows);

/* Answers the other's request. HUM_NOT_FOUND: there is none. Events FriendRequestAccepted,
 * FriendRequestDeclined. ret_rows as above. */
HUM_MUSTCHECK enum hum_status friends_accept(struct pg *pg, int64_t caller, int64_t other,
                                             struct pg_result **ret_rows);
HUM_MUSTCHECK enum hum_status friends_decline(struct pg *pg, int64_t caller, int64_t other);

/* Takes the caller's own request back; nobody is told. HUM_NOT_FOUND: there is none. Event
 * FriendRequestWithdrawn. */
HUM_MUSTCHECK enum hum_status friends_withdraw(struct pg *pg, int64_t caller, int64_t other);

/* Ends a friendship; a DM of the two can from then on only be read. HUM_NOT_FOUND: they are none.
 * Event FriendRemoved. */
HUM_MUSTCHECK enum hum_status friends_remove(struct pg *pg, int64_t caller, int64_t other);

/* The same within a transaction that holds the lock of the pair. ret_found: whether they were
 * friends. */
HUM_MUSTCHECK enum pg_outcome friends_end(struct pg *pg, int64_t caller, int64_t other,
                                          bool *ret_found);

/* As store_friends_list. */
HUM_MUSTCHECK enum hum_status friends_list(struct pg *pg, int64_t caller, int states, int64_t after,
                                           int limit, struct pg_result **ret_rows);

#endif
