/* Ways into a server: invites to a person, and codes for whoever holds one. */
#ifndef HUM_STORE_INVITES_H
#define HUM_STORE_INVITES_H

#include "store/servers.h"

/* One row: an invite of a server that has not been deleted, as the invited sees it. */
struct invite {
    int64_t id;
    int64_t user;       /* who is invited */
    int64_t created_at; /* milliseconds since 1970 */
    struct server_row server;
    struct user inviter;
};

struct invite store_invite_at(const struct pg_result *rows, size_t row);

/* ret_id: 0 when this user has one to this server already. */
HUM_MUSTCHECK enum pg_outcome store_invite_insert(struct pg *pg, int64_t server, int64_t inviter,
                                                  int64_t user, int64_t *ret_id);
/* None or one row. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_invite_get(struct pg *pg, int64_t user, int64_t id,
                                               struct pg_result **ret_rows);
/* user's invites with an id greater than after, by id. */
HUM_MUSTCHECK enum pg_outcome store_invites_list(struct pg *pg, int64_t user, int64_t after,
                                                 int limit, struct pg_result **ret_rows);
/* Removes user's invite to the server; ret_found: whether there was one. */
HUM_MUSTCHECK enum pg_outcome store_invite_delete(struct pg *pg, int64_t server, int64_t user,
                                                  bool *ret_found);

enum { CODE_HASH_LEN = 32 };

/* max_uses 0: no bound. ret_expires_at: milliseconds since 1970. */
HUM_MUSTCHECK enum pg_outcome store_code_insert(struct pg *pg, struct str hash, int64_t server,
                                                int64_t creator, int64_t max_uses,
                                                int64_t max_age_s, int64_t *ret_expires_at);
/* ret_server: that of a code that can still be used; 0: there is none. */
HUM_MUSTCHECK enum pg_outcome store_code_find(struct pg *pg, struct str hash, int64_t *ret_server);
/* Uses a code once; ret_used is false when it cannot be used any more. */
HUM_MUSTCHECK enum pg_outcome store_code_use(struct pg *pg, struct str hash, bool *ret_used);
/* Removes those that user has made for the server. */
HUM_MUSTCHECK enum pg_outcome store_codes_delete(struct pg *pg, int64_t server, int64_t user);
/* Removes those of them that cannot be used any more; ret_count: how many are left. */
HUM_MUSTCHECK enum pg_outcome store_codes_tidy(struct pg *pg, int64_t server, int64_t user,
                                               int64_t *ret_count);
/* Removes some of those whose time is over. */
HUM_MUSTCHECK enum pg_outcome store_codes_sweep(struct pg *pg, int limit);

extern const struct pg_statement *const store_invites_statements[];
extern const size_t store_invites_statements_count;

#endif
