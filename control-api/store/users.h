/* People, as the database keeps them. */
#ifndef HUM_STORE_USERS_H
#define HUM_STORE_USERS_H

#include "pg.h"

/* One row. The texts live as long as the rows they come from. */
struct user {
    int64_t id;
    struct str nickname;
    struct str about;
    struct str email;        /* only of store_user_get */
    int64_t created_at;      /* milliseconds since 1970; only of store_user_get */
    struct str nickname_key; /* only of store_users_search */
};

/* None or one row. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_user_get(struct pg *pg, int64_t id,
                                             struct pg_result **ret_rows);
HUM_MUSTCHECK enum pg_outcome store_user_by_key(struct pg *pg, struct str nickname_key,
                                                struct pg_result **ret_rows);
/* Those whose key begins with prefix and comes after the key after ("" for all), by key. */
HUM_MUSTCHECK enum pg_outcome store_users_search(struct pg *pg, struct str prefix, struct str after,
                                                 int limit, struct pg_result **ret_rows);
/* Changes what is not .data NULL; nickname and nickname_key go together. PG_CONFLICT: the nickname
 * is somebody else's (constraint store_users_nickname_key). */
HUM_MUSTCHECK enum pg_outcome store_user_update(struct pg *pg, int64_t id, struct str nickname,
                                                struct str nickname_key, struct str about);

extern const char store_users_nickname_key[];

/* A row of any of the above. */
struct user store_user_at(const struct pg_result *rows, size_t row);

extern const struct pg_statement *const store_users_statements[];
extern const size_t store_users_statements_count;

#endif
