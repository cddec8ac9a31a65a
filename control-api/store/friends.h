/* Friendships and the requests for them. */
#ifndef HUM_STORE_FRIENDS_H
#define HUM_STORE_FRIENDS_H

#include "store/users.h"

/* As bits, so that a list can ask for several. */
enum friend_state { FRIEND_ACCEPTED = 1, FRIEND_INCOMING = 2, FRIEND_OUTGOING = 4 };

/* One row: somebody, seen by one who is friends with them, has asked them or was asked. */
struct friend {
    struct user user;
    int state;     /* enum friend_state */
    int64_t since; /* milliseconds since 1970 */
    int64_t dm;    /* their DM; 0: none yet */
};

/* Locks a pair of people against each other's changes until the transaction ends: exclusively
 * before requests, friendship or DM of the two change, shared before something that needs them to
 * stay. */
HUM_MUSTCHECK enum pg_outcome store_pair_lock(struct pg *pg, int64_t a, int64_t b);
HUM_MUSTCHECK enum pg_outcome store_pair_lock_shared(struct pg *pg, int64_t a, int64_t b);

/* Whether two people are friends. */
HUM_MUSTCHECK enum pg_outcome store_are_friends(struct pg *pg, int64_t a, int64_t b, bool *ret);

/* None or one row: other, seen by user. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_friend_get(struct pg *pg, int64_t user, int64_t other,
                                               struct pg_result **ret_rows);
/* Those of some states with an id greater than after, by id. */
HUM_MUSTCHECK enum pg_outcome store_friends_list(struct pg *pg, int64_t user, int states,
                                                 int64_t after, int limit,
                                                 struct pg_result **ret_rows);
struct friend store_friend_at(const struct pg_result *rows, size_t row);

HUM_MUSTCHECK enum pg_outcome store_request_insert(struct pg *pg, int64_t from, int64_t to);
/* ret_found: whether there was one. */
HUM_MUSTCHECK enum pg_outcome store_request_delete(struct pg *pg, int64_t from, int64_t to,
                                                   bool *ret_found);
HUM_MUSTCHECK enum pg_outcome store_friendship_insert(struct pg *pg, int64_t a, int64_t b);
HUM_MUSTCHECK enum pg_outcome store_friendship_delete(struct pg *pg, int64_t a, int64_t b,
                                                      bool *ret_found);

extern const struct pg_statement *const store_friends_statements[];
extern const size_t store_friends_statements_count;

#endif
