#include "limits.h"

#include "run.h"

/* A number of the user's own in the space of advisory locks; see pair_lock. */
static const struct pg_statement lock = {
    "count_lock",
    "select pg_advisory_xact_lock(hashtextextended('count ' || $1::bigint, 0))",
};

static const struct pg_statement owned = {
    "count_owned",
    "select count(*) from servers where owner_id = $1 and deleted_at is null",
};

static const struct pg_statement joined = {
    "count_joined",
    "select count(*) from server_members m join servers s on s.id = m.server_id "
    "where m.user_id = $1 and s.owner_id <> $1 and s.deleted_at is null",
};

static const struct pg_statement friends = {
    "count_friends",
    "select count(*) from friendships where user_id = $1",
};

static const struct pg_statement requests = {
    "count_requests",
    "select count(*) from friend_requests where from_id = $1",
};

static const struct pg_statement invites = {
    "count_invites",
    "select count(*) from server_invites where inviter_id = $1",
};

static const struct pg_statement blocks = {
    "count_blocks",
    "select count(*) from blocks where user_id = $1",
};

enum pg_outcome store_count_lock(struct pg *pg, int64_t user) {
    return RUN(pg, &lock, NULL, INT(user));
}

static enum pg_outcome count(struct pg *pg, const struct pg_statement *statement, int64_t user,
                             int64_t *ret) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, statement, &rows, INT(user)));
    *ret = pg_get_int(rows, 0, 0);
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_count_owned(struct pg *pg, int64_t user, int64_t *ret) {
    return count(pg, &owned, user, ret);
}

enum pg_outcome store_count_joined(struct pg *pg, int64_t user, int64_t *ret) {
    return count(pg, &joined, user, ret);
}

enum pg_outcome store_count_friends(struct pg *pg, int64_t user, int64_t *ret) {
    return count(pg, &friends, user, ret);
}

enum pg_outcome store_count_requests(struct pg *pg, int64_t user, int64_t *ret) {
    return count(pg, &requests, user, ret);
}

enum pg_outcome store_count_invites(struct pg *pg, int64_t user, int64_t *ret) {
    return count(pg, &invites, user, ret);
}

enum pg_outcome store_count_blocks(struct pg *pg, int64_t user, int64_t *ret) {
    return count(pg, &blocks, user, ret);
}

const struct pg_statement *const store_limits_statements[] = {
    &lock, &owned, &joined, &friends, &requests, &invites, &blocks,
};
const size_t store_limits_statements_count =
    sizeof store_limits_statements / sizeof store_limits_statements[0];
