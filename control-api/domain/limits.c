#include "limits.h"

#include "store/run.h"

static const struct {
    enum pg_outcome (*count)(struct pg *pg, int64_t user, int64_t *ret);
    int64_t max;
} limits[] = {
    [LIMIT_SERVERS_OWNED] = {store_count_owned, SERVERS_OWNED_MAX},
    [LIMIT_SERVERS_JOINED] = {store_count_joined, SERVERS_JOINED_MAX},
    [LIMIT_FRIENDS] = {store_count_friends, FRIENDS_MAX},
    [LIMIT_REQUESTS_SENT] = {store_count_requests, REQUESTS_SENT_MAX},
    [LIMIT_INVITES_SENT] = {store_count_invites, INVITES_SENT_MAX},
    [LIMIT_BLOCKS] = {store_count_blocks, BLOCKS_MAX},
};

enum pg_outcome limits_hold(struct pg *pg, enum limit limit, int64_t user,
                            enum hum_status *ret_status) {
    int64_t count;

    PG_TRY(store_count_lock(pg, user));
    PG_TRY(limits[limit].count(pg, user, &count));
    if (count >= limits[limit].max) {
        *ret_status = HUM_LIMIT_REACHED;
    }
    return PG_DONE;
}

enum pg_outcome limits_hold_both(struct pg *pg, enum limit limit, int64_t a, int64_t b,
                                 enum hum_status *ret_status) {
    PG_TRY(limits_hold(pg, limit, a < b ? a : b, ret_status));
    return *ret_status == HUM_OK ? limits_hold(pg, limit, a < b ? b : a, ret_status) : PG_DONE;
}
