/* Blocks: somebody wants nothing to do with somebody. */
#ifndef HUM_DOMAIN_BLOCKS_H
#define HUM_DOMAIN_BLOCKS_H

#include "store/blocks.h"

/* Within a transaction that holds the lock of the pair, alone or shared: whether the caller may ask
 * the other for something. HUM_BLOCKED: the caller has blocked the other; HUM_FORBIDDEN: the other
 * the caller; HUM_OK. */
HUM_MUSTCHECK enum pg_outcome blocks_check(struct pg *pg, int64_t caller, int64_t other,
                                           enum hum_status *ret_status);

/* Blocks somebody: a friendship of the two ends as by friends_remove, and what waits for an answer
 * between them is gone. Blocking again changes nothing. HUM_NOT_FOUND: nobody is that;
 * HUM_INVALID_REQUEST: the caller is; HUM_LIMIT_REACHED. Events UserBlocked, FriendRemoved. */
HUM_MUSTCHECK enum hum_status blocks_add(struct pg *pg, int64_t caller, int64_t other);
/* Lifts a block, and restores nothing. HUM_NOT_FOUND: there is none. Event UserUnblocked. */
HUM_MUSTCHECK enum hum_status blocks_remove(struct pg *pg, int64_t caller, int64_t other);
/* As store_blocks_list. */
HUM_MUSTCHECK enum hum_status blocks_list(struct pg *pg, int64_t caller, int64_t after, int limit,
                                          struct pg_result **ret_rows);

#endif
