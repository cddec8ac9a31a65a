/* How many of a thing somebody has. */
#ifndef HUM_STORE_LIMITS_H
#define HUM_STORE_LIMITS_H

#include "pg.h"

/* Locks a user against others who count what is theirs, until the transaction ends. */
HUM_MUSTCHECK enum pg_outcome store_count_lock(struct pg *pg, int64_t user);

/* Servers that they own, and servers of others that they are in. */
HUM_MUSTCHECK enum pg_outcome store_count_owned(struct pg *pg, int64_t user, int64_t *ret);
HUM_MUSTCHECK enum pg_outcome store_count_joined(struct pg *pg, int64_t user, int64_t *ret);
HUM_MUSTCHECK enum pg_outcome store_count_friends(struct pg *pg, int64_t user, int64_t *ret);
/* Friend requests of theirs that wait for an answer. */
HUM_MUSTCHECK enum pg_outcome store_count_requests(struct pg *pg, int64_t user, int64_t *ret);
/* Invites to servers that they have sent and that wait. */
HUM_MUSTCHECK enum pg_outcome store_count_invites(struct pg *pg, int64_t user, int64_t *ret);
/* People whom they have blocked. */
HUM_MUSTCHECK enum pg_outcome store_count_blocks(struct pg *pg, int64_t user, int64_t *ret);

extern const struct pg_statement *const store_limits_statements[];
extern const size_t store_limits_statements_count;

#endif
