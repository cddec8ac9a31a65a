#include "users.h"

#include "run.h"

const char store_users_nickname_key[] = "users_nickname_key";

static const struct pg_statement get = {
    "user_get",
    "select " USER_COLUMNS ", u.email, (extract(epoch from u.created_at) * 1000)::bigint, "
    "u.email_verified_at is not null, null, 0 from users u where u.id = $1 and u.erased_at is null",
};

static const struct pg_statement get_any = {
    "user_get_any",
    "select " USER_COLUMNS ", null, 0, false, null, 0 from users u where u.id = $1",
};

static const struct pg_statement by_key = {
    "user_by_key",
    "select " USER_COLUMNS ", null, null, null, null, 0 from users u where u.nickname_key = $1",
};

/* Of a relation x with ids of people: whom $1 has not blocked, and who has not blocked $1. In a
 * form that looks one pair up, where "not exists" may compare with all whom somebody has blocked,
 * and that the planner takes to hold for many: it takes "is null" to hold for next to nobody, and
 * then reads all of a prefix where a page would do. */
#define NOT_BLOCKED                                                                                \
    "coalesce((select false from blocks b where b.user_id = $1 and b.blocked_id = x.id), true) "   \
    "and coalesce((select false from blocks b where b.user_id = x.id and b.blocked_id = $1), "     \
    "true) "

/* A prefix is a range of the index: no key holds U+10FFFF, which is no character. Similar ones are
 * looked for once those with the prefix do not fill the page. */
static const struct pg_statement search = {
    "users_search",
    "with p as materialized (select x.id, x.nickname_key, 0 as rank from users x "
    " where $3 = 0 and nickname_key >= $2 and nickname_key < $2 || chr(1114111) "
    " and nickname_key > $4 and " NOT_BLOCKED " order by nickname_key limit $5) "
    "select " USER_COLUMNS ", null, null, null, u.nickname_key, y.rank from ("
    "select * from p "
    "union all "
    "(select x.id, x.nickname_key collate \"C\", x.rank from hum_similar_users($2) x "
    " where (select count(*) from p) < $5 "
    " and (x.rank, x.nickname_key collate \"C\") > ($3, $4::text collate \"C\") "
    " and " NOT_BLOCKED " order by x.rank, x.nickname_key collate \"C\" limit $5) "
    "order by rank, nickname_key limit $5) y "
    "join users u on u.id = y.id order by y.rank, y.nickname_key",
};

static const struct pg_statement update = {
    "user_update",
    "update users set nickname = coalesce($2::text, nickname), "
    "nickname_key = coalesce($3::text, nickname_key), about = coalesce($4::text, about) "
    "where id = $1 and erased_at is null returning 1",
};

enum pg_outcome store_user_get(struct pg *pg, int64_t id, struct pg_result **ret_rows) {
    return RUN(pg, &get, ret_rows, INT(id));
}

enum pg_outcome store_user_get_any(struct pg *pg, int64_t id, struct pg_result **ret_rows) {
    return RUN(pg, &get_any, ret_rows, INT(id));
}

enum pg_outcome store_user_read(struct reads *reads, int64_t id, struct pg_result **ret_rows) {
    return READ(reads, &get, ret_rows, INT(id));
}

enum pg_outcome store_user_by_key(struct pg *pg, struct str nickname_key,
                                  struct pg_result **ret_rows) {
    return RUN(pg, &by_key, ret_rows, TEXT(nickname_key));
}

enum pg_outcome store_users_search(struct pg *pg, int64_t user, struct str prefix,
                                   const struct search_place *after, int limit,
                                   struct pg_result **ret_rows) {
    return RUN(pg, &search, ret_rows, INT(user), TEXT(prefix), INT(after->rank), TEXT(after->key),
               INT(limit));
}

enum pg_outcome store_user_update(struct pg *pg, int64_t id, struct str nickname,
                                  struct str nickname_key, struct str about, bool *ret_found) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &update, &rows, INT(id), TEXT(nickname), TEXT(nickname_key), TEXT(about)));
    *ret_found = pg_rows(rows) > 0;
    pg_result_free(rows);
    return PG_DONE;
}

struct user store_user_shown(const struct pg_result *rows, size_t row, int first) {
    return (struct user){
        .id = pg_get_int(rows, row, first),
        .nickname = pg_get_text(rows, row, first + 1),
        .about = pg_get_text(rows, row, first + 2),
        .avatar = pg_get_text(rows, row, first + 3),
    };
}

struct user store_user_at(const struct pg_result *rows, size_t row) {
    struct user user = store_user_shown(rows, row, 0);

    user.email = pg_get_text(rows, row, USER_COLUMNS_COUNT);
    user.created_at = pg_get_int(rows, row, USER_COLUMNS_COUNT + 1);
    user.email_verified = pg_get_int(rows, row, USER_COLUMNS_COUNT + 2) != 0;
    user.nickname_key = pg_get_text(rows, row, USER_COLUMNS_COUNT + 3);
    user.rank = (int)pg_get_int(rows, row, USER_COLUMNS_COUNT + 4);
    return user;
}

const struct pg_statement *const store_users_statements[] = {&get, &get_any, &by_key, &search,
                                                             &update};
const size_t store_users_statements_count =
    sizeof store_users_statements / sizeof store_users_statements[0];
