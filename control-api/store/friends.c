#include "friends.h"

#include "run.h"

/* The pair, whichever way round, as one number of the space of advisory locks. Two pairs that share
 * a number wait for each other now and then, and that is all. */
#define PAIR_NUMBER "hashtextextended(least($1::bigint, $2::bigint) || ' ' || greatest($1, $2), 0)"

static const struct pg_statement pair_lock = {
    "pair_lock",
    "select pg_advisory_xact_lock(" PAIR_NUMBER ")",
};

static const struct pg_statement pair_lock_shared = {
    "pair_lock_shared",
    "select pg_advisory_xact_lock_shared(" PAIR_NUMBER ")",
};

static const struct pg_statement are_friends = {
    "are_friends",
    "select hum_may_write($1, $2)",
};

/* Around a relation x(id, state, since), as $1 sees it. */
#define FRIEND_COLUMNS                                                                             \
    "select " USER_COLUMNS ", x.state, (extract(epoch from x.since) * 1000)::bigint, "             \
    "d.room_id "
#define FRIEND_JOINS                                                                               \
    "join users u on u.id = x.id "                                                                 \
    "left join dms d on d.user_lo = least(x.id, $1) and d.user_hi = greatest(x.id, $1) "

static const struct pg_statement get = {
    "friend_get",
    FRIEND_COLUMNS "from (select friend_id as id, 1 as state, since from friendships "
                   "      where user_id = $1 and friend_id = $2 "
                   "      union all select from_id, 2, created_at from friend_requests "
                   "      where from_id = $2 and to_id = $1 "
                   "      union all select to_id, 4, created_at from friend_requests "
                   "      where from_id = $1 and to_id = $2) x " FRIEND_JOINS,
};

/* Each branch reads a range of an index, and only when its state is asked for. Two people stand in
 * at most one of them. */
static const struct pg_statement list = {
    "friends_list",
    FRIEND_COLUMNS "from (select * from ("
                   "      (select friend_id as id, 1 as state, since from friendships "
                   "       where user_id = $1 and friend_id > $2 and $3 & 1 <> 0 "
                   "       order by friend_id limit $4) "
                   "      union all "
                   "      (select from_id, 2, created_at from friend_requests "
                   "       where to_id = $1 and from_id > $2 and $3 & 2 <> 0 "
                   "       order by from_id limit $4) "
                   "      union all "
                   "      (select to_id, 4, created_at from friend_requests "
                   "       where from_id = $1 and to_id > $2 and $3 & 4 <> 0 "
                   "       order by to_id limit $4)) y order by id limit $4) x " FRIEND_JOINS
                   "order by x.id",
};

static const struct pg_statement request_insert = {
    "request_insert",
    "insert into friend_requests (from_id, to_id) values ($1, $2)",
};

static const struct pg_statement request_delete = {
    "request_delete",
    "delete from friend_requests where from_id = $1 and to_id = $2 returning 1",
};

static const struct pg_statement friendship_insert = {
    "friendship_insert",
    "insert into friendships (user_id, friend_id) values ($1, $2), ($2, $1)",
};

static const struct pg_statement friendship_delete = {
    "friendship_delete",
    "delete from friendships where (user_id, friend_id) in (($1, $2), ($2, $1)) returning 1",
};

enum pg_outcome store_pair_lock(struct pg *pg, int64_t a, int64_t b) {
    return RUN(pg, &pair_lock, NULL, INT(a), INT(b));
}

enum pg_outcome store_pair_lock_shared(struct pg *pg, int64_t a, int64_t b) {
    return RUN(pg, &pair_lock_shared, NULL, INT(a), INT(b));
}

enum pg_outcome store_are_friends(struct pg *pg, int64_t a, int64_t b, bool *ret) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &are_friends, &rows, INT(a), INT(b)));
    *ret = pg_get_int(rows, 0, 0) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_friend_get(struct pg *pg, int64_t user, int64_t other,
                                 struct pg_result **ret_rows) {
    return RUN(pg, &get, ret_rows, INT(user), INT(other));
}

enum pg_outcome store_friends_list(struct pg *pg, int64_t user, int states, int64_t after,
                                   int limit, struct pg_result **ret_rows) {
    return RUN(pg, &list, ret_rows, INT(user), INT(after), INT(states), INT(limit));
}

struct friend store_friend_at(const struct pg_result *rows, size_t row) {
    return (struct friend){
        .user = store_user_shown(rows, row, 0),
        .state = (int)pg_get_int(rows, row, USER_COLUMNS_COUNT),
        .since = pg_get_int(rows, row, USER_COLUMNS_COUNT + 1),
        .dm = pg_get_int(rows, row, USER_COLUMNS_COUNT + 2),
    };
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

enum pg_outcome store_request_insert(struct pg *pg, int64_t from, int64_t to) {
    return RUN(pg, &request_insert, NULL, INT(from), INT(to));
}

enum pg_outcome store_request_delete(struct pg *pg, int64_t from, int64_t to, bool *ret_found) {
    return run_for_pair(pg, &request_delete, from, to, ret_found);
}

enum pg_outcome store_friendship_insert(struct pg *pg, int64_t a, int64_t b) {
    return RUN(pg, &friendship_insert, NULL, INT(a), INT(b));
}

enum pg_outcome store_friendship_delete(struct pg *pg, int64_t a, int64_t b, bool *ret_found) {
    return run_for_pair(pg, &friendship_delete, a, b, ret_found);
}

const struct pg_statement *const store_friends_statements[] = {
    &pair_lock,      &pair_lock_shared,  &are_friends,       &get, &list, &request_insert,
    &request_delete, &friendship_insert, &friendship_delete,
};
const size_t store_friends_statements_count =
    sizeof store_friends_statements / sizeof store_friends_statements[0];
