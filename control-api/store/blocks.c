#include "blocks.h"

#include "run.h"

static const struct pg_statement get = {
    "block_get",
    "select exists (select from blocks where user_id = $1 and blocked_id = $2), "
    "exists (select from blocks where user_id = $2 and blocked_id = $1)",
};

static const struct pg_statement insert = {
    "block_insert",
    "insert into blocks (user_id, blocked_id) values ($1, $2) on conflict do nothing returning 1",
};

static const struct pg_statement delete = {
    "block_delete",
    "delete from blocks where user_id = $1 and blocked_id = $2 returning 1",
};

static const struct pg_statement pending_delete = {
    "pending_delete",
    "with requests as (delete from friend_requests "
    " where (from_id, to_id) in (($1, $2), ($2, $1))) "
    "delete from server_invites where (inviter_id, user_id) in (($1, $2), ($2, $1))",
};

static const struct pg_statement list = {
    "blocks_list",
    "select " USER_COLUMNS ", (extract(epoch from b.created_at) * 1000)::bigint "
    "from (select * from blocks where user_id = $1 and blocked_id > $2 "
    "      order by blocked_id limit $3) b "
    "join users u on u.id = b.blocked_id order by b.blocked_id",
};

enum pg_outcome store_block_get(struct pg *pg, int64_t user, int64_t other, bool *ret_blocks,
                                bool *ret_is_blocked) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &get, &rows, INT(user), INT(other)));
    *ret_blocks = pg_get_int(rows, 0, 0) != 0;
    *ret_is_blocked = pg_get_int(rows, 0, 1) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

/* ret_found: whether the statement returned a row. */
static enum pg_outcome run_for_pair(struct pg *pg, const struct pg_statement *statement, int64_t a,
                                    int64_t b, bool *ret_found) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, statement, &rows, INT(a), INT(b)));
    *ret_found = pg_rows(rows) > 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_block_insert(struct pg *pg, int64_t user, int64_t other, bool *ret_added) {
    return run_for_pair(pg, &insert, user, other, ret_added);
}

enum pg_outcome store_block_delete(struct pg *pg, int64_t user, int64_t other, bool *ret_found) {
    return run_for_pair(pg, &delete, user, other, ret_found);
}

enum pg_outcome store_pending_delete(struct pg *pg, int64_t a, int64_t b) {
    return RUN(pg, &pending_delete, NULL, INT(a), INT(b));
}

enum pg_outcome store_blocks_list(struct pg *pg, int64_t user, int64_t after, int limit,
                                  struct pg_result **ret_rows) {
    return RUN(pg, &list, ret_rows, INT(user), INT(after), INT(limit));
}

struct block store_block_at(const struct pg_result *rows, size_t row) {
    return (struct block){
        .user = store_user_shown(rows, row, 0),
        .since = pg_get_int(rows, row, USER_COLUMNS_COUNT),
    };
}

const struct pg_statement *const store_blocks_statements[] = {
    &get, &insert, &delete, &pending_delete, &list,
};
const size_t store_blocks_statements_count =
    sizeof store_blocks_statements / sizeof store_blocks_statements[0];
