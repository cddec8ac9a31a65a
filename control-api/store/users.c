#include "users.h"

#include "run.h"

const char store_users_nickname_key[] = "users_nickname_key";

static const struct pg_statement get = {
    "user_get",
    "select id, nickname, about, email, (extract(epoch from created_at) * 1000)::bigint, null "
    "from users where id = $1",
};

static const struct pg_statement by_key = {
    "user_by_key",
    "select id, nickname, about, null, null, null from users where nickname_key = $1",
};

/* A range of the index: no key holds U+10FFFF, which is no character. */
static const struct pg_statement search = {
    "users_search",
    "select id, nickname, about, null, null, nickname_key from users "
    "where nickname_key >= $1 and nickname_key < $1 || chr(1114111) and nickname_key > $2 "
    "order by nickname_key limit $3",
};

static const struct pg_statement update = {
    "user_update",
    "update users set nickname = coalesce($2::text, nickname), "
    "nickname_key = coalesce($3::text, nickname_key), about = coalesce($4::text, about) "
    "where id = $1",
};

enum pg_outcome store_user_get(struct pg *pg, int64_t id, struct pg_result **ret_rows) {
    return RUN(pg, &get, ret_rows, INT(id));
}

enum pg_outcome store_user_by_key(struct pg *pg, struct str nickname_key,
                                  struct pg_result **ret_rows) {
    return RUN(pg, &by_key, ret_rows, TEXT(nickname_key));
}

enum pg_outcome store_users_search(struct pg *pg, struct str prefix, struct str after, int limit,
                                   struct pg_result **ret_rows) {
    return RUN(pg, &search, ret_rows, TEXT(prefix), TEXT(after), INT(limit));
}

enum pg_outcome store_user_update(struct pg *pg, int64_t id, struct str nickname,
                                  struct str nickname_key, struct str about) {
    return RUN(pg, &update, NULL, INT(id), TEXT(nickname), TEXT(nickname_key), TEXT(about));
}

struct user store_user_at(const struct pg_result *rows, size_t row) {
    return (struct user){
        .id = pg_get_int(rows, row, 0),
        .nickname = pg_get_text(rows, row, 1),
        .about = pg_get_text(rows, row, 2),
        .email = pg_get_text(rows, row, 3),
        .created_at = pg_get_int(rows, row, 4),
        .nickname_key = pg_get_text(rows, row, 5),
    };
}

const struct pg_statement *const store_users_statements[] = {&get, &by_key, &search, &update};
const size_t store_users_statements_count =
    sizeof store_users_statements / sizeof store_users_statements[0];
