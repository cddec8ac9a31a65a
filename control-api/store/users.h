/* People, as the database keeps them. */
#ifndef HUM_STORE_USERS_H
#define HUM_STORE_USERS_H

#include "reads.h"

/* What everybody sees of a person, of a relation u like users: the first columns of a row that
 * store_user_shown reads. */
#define USER_COLUMNS "u.id, u.nickname, u.about, left(encode(u.avatar_hash, 'hex'), 16)"
enum { USER_COLUMNS_COUNT = 4 };

/* What stands in the place of the nickname of somebody who has erased their account. */
#define USER_DELETED "deleted user"

/* One row. The texts live as long as the rows they come from. */
struct user {
    int64_t id;
    struct str nickname; /* .data NULL: they have erased their account */
    struct str about;
    struct str avatar;       /* the first digits of the picture's hash; .data NULL: none */
    struct str email;        /* only of store_user_get */
    int64_t created_at;      /* milliseconds since 1970; only of store_user_get */
    bool email_verified;     /* only of store_user_get */
    struct str nickname_key; /* only of store_users_search: with rank the place in the list */
    int rank;
};

/* None or one row. ret_rows is freed with pg_result_free. Those who have erased their account are
 * found by the second only. */
HUM_MUSTCHECK enum pg_outcome store_user_get(struct pg *pg, int64_t id,
                                             struct pg_result **ret_rows);
HUM_MUSTCHECK enum pg_outcome store_user_get_any(struct pg *pg, int64_t id,
                                                 struct pg_result **ret_rows);
/* As the first, by a trip that is shared. */
HUM_MUSTCHECK enum pg_outcome store_user_read(struct reads *reads, int64_t id,
                                              struct pg_result **ret_rows);
HUM_MUSTCHECK enum pg_outcome store_user_by_key(struct pg *pg, struct str nickname_key,
                                                struct pg_result **ret_rows);
/* Where a search goes on: rank, key and id of the row that was last. All 0 and "": at its begin. */
struct search_place {
    int64_t rank;
    struct str key;
    int64_t id;
};

/* Those whose keys begin with prefix first, then those that are similar (of very many, some);
 * nobody whom user has blocked, or who has blocked user. */
HUM_MUSTCHECK enum pg_outcome store_users_search(struct pg *pg, int64_t user, struct str prefix,
                                                 const struct search_place *after, int limit,
                                                 struct pg_result **ret_rows);
/* Changes what is not .data NULL; nickname and nickname_key go together. PG_CONFLICT: the nickname
 * is somebody else's (constraint store_users_nickname_key). ret_found: false when there is nobody
 * (any more). */
HUM_MUSTCHECK enum pg_outcome store_user_update(struct pg *pg, int64_t id, struct str nickname,
                                                struct str nickname_key, struct str about,
                                                bool *ret_found);

extern const char store_users_nickname_key[];

/* USER_COLUMNS of a row, from the column first on. */
struct user store_user_shown(const struct pg_result *rows, size_t row, int first);
/* A row of any of the above. */
struct user store_user_at(const struct pg_result *rows, size_t row);

extern const struct pg_statement *const store_users_statements[];
extern const size_t store_users_statements_count;

#endif
