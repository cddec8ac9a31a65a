/* Who has blocked whom. */
#ifndef HUM_STORE_BLOCKS_H
#define HUM_STORE_BLOCKS_H

#include "store/users.h"

/* Whether the one has blocked the other, each way round. */
HUM_MUSTCHECK enum pg_outcome store_block_get(struct pg *pg, int64_t user, int64_t other,
                                              bool *ret_blocks, bool *ret_is_blocked);
/* ret_added: false when it was so before. */
HUM_MUSTCHECK enum pg_outcome store_block_insert(struct pg *pg, int64_t user, int64_t other,
                                                 bool *ret_added);
/* ret_found: whether there was a block. */
HUM_MUSTCHECK enum pg_outcome store_block_delete(struct pg *pg, int64_t user, int64_t other,
                                                 bool *ret_found);
/* Removes what waits for an answer between two people: friend requests and invites to servers, each
 * way round. */
HUM_MUSTCHECK enum pg_outcome store_pending_delete(struct pg *pg, int64_t a, int64_t b);

/* One row: somebody who is blocked. */
struct block {
    struct user user;
    int64_t since; /* milliseconds since 1970 */
};

/* Those whom user has blocked with an id greater than after, by id. ret_rows is freed with
 * pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_blocks_list(struct pg *pg, int64_t user, int64_t after,
                                                int limit, struct pg_result **ret_rows);
struct block store_block_at(const struct pg_result *rows, size_t row);

extern const struct pg_statement *const store_blocks_statements[];
extern const size_t store_blocks_statements_count;

#endif
