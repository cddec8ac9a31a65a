/* Servers, who is in them, and who is kept out. */
#ifndef HUM_STORE_SERVERS_H
#define HUM_STORE_SERVERS_H

#include "store/users.h"

/* One row: a server that has not been deleted, as somebody sees it. The texts live as long as the
 * rows they come from. */
struct server_row {
    int64_t id;
    int64_t owner;
    struct str name;
    struct str about;
    bool public;
    bool member;        /* whether who asks is in it */
    int64_t created_at; /* milliseconds since 1970 */
    int64_t last_seq;   /* of its room */
    int rank;           /* only of store_servers_search: with name_key the place in the list */
    struct str name_key;
};

struct server_row store_server_at(const struct pg_result *rows, size_t row);

HUM_MUSTCHECK enum pg_outcome store_server_insert(struct pg *pg, int64_t owner, struct str name,
                                                  struct str about, bool public, int64_t *ret_id);
/* None or one row. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_server_get(struct pg *pg, int64_t user, int64_t server,
                                               struct pg_result **ret_rows);
/* As store_server_get. Until the transaction ends the server is not deleted. */
HUM_MUSTCHECK enum pg_outcome store_server_hold(struct pg *pg, int64_t user, int64_t server,
                                                struct pg_result **ret_rows);
/* As store_server_get; waits for those who hold it, and keeps others from holding it. */
HUM_MUSTCHECK enum pg_outcome store_server_lock(struct pg *pg, int64_t user, int64_t server,
                                                struct pg_result **ret_rows);

enum server_role { SERVER_OWNER = 1, SERVER_MEMBER = 2 };

/* The servers that user is in, in some roles (bits of enum server_role), with an id greater than
 * after, by id. */
HUM_MUSTCHECK enum pg_outcome store_servers_list(struct pg *pg, int64_t user, int roles,
                                                 int64_t after, int limit,
                                                 struct pg_result **ret_rows);

/* Public servers, those whose names begin with prefix first, then those that are similar (of very
 * many, some). */
HUM_MUSTCHECK enum pg_outcome store_servers_search(struct pg *pg, int64_t user, struct str prefix,
                                                   const struct search_place *after, int limit,
                                                   struct pg_result **ret_rows);
/* public: 0 or 1; anything else, and .data NULL: stays. */
HUM_MUSTCHECK enum pg_outcome store_server_update(struct pg *pg, int64_t server, struct str name,
                                                  struct str about, int public);
/* From now on it counts as gone, with its channels; the broker is told. */
HUM_MUSTCHECK enum pg_outcome store_server_delete(struct pg *pg, int64_t server);

/* Whether user is in the server. */
HUM_MUSTCHECK enum pg_outcome store_is_member(struct pg *pg, int64_t server, int64_t user,
                                              bool *ret);
HUM_MUSTCHECK enum pg_outcome store_member_insert(struct pg *pg, int64_t server, int64_t user,
                                                  bool *ret_added);
HUM_MUSTCHECK enum pg_outcome store_member_delete(struct pg *pg, int64_t server, int64_t user,
                                                  bool *ret_found);

/* One row of members or of bans. */
struct member {
    struct user user;
    bool owner;
    int64_t since; /* milliseconds since 1970: joined, or banned */
};

struct member store_member_at(const struct pg_result *rows, size_t row);
/* Those with an id greater than after, by id. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_members_list(struct pg *pg, int64_t server, int64_t after,
                                                 int limit, struct pg_result **ret_rows);
HUM_MUSTCHECK enum pg_outcome store_bans_list(struct pg *pg, int64_t server, int64_t after,
                                              int limit, struct pg_result **ret_rows);
/* None or one row. */
HUM_MUSTCHECK enum pg_outcome store_ban_get(struct pg *pg, int64_t server, int64_t user,
                                            struct pg_result **ret_rows);
HUM_MUSTCHECK enum pg_outcome store_is_banned(struct pg *pg, int64_t server, int64_t user,
                                              bool *ret);
/* ret_changed: false when it was so before. */
HUM_MUSTCHECK enum pg_outcome store_ban_insert(struct pg *pg, int64_t server, int64_t user,
                                               bool *ret_changed);
HUM_MUSTCHECK enum pg_outcome store_ban_delete(struct pg *pg, int64_t server, int64_t user,
                                               bool *ret_changed);

extern const struct pg_statement *const store_servers_statements[];
extern const size_t store_servers_statements_count;

#endif
