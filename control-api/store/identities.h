/* Who other identity providers say that somebody is. */
#ifndef HUM_STORE_IDENTITIES_H
#define HUM_STORE_IDENTITIES_H

#include "pg.h"

/* What a provider vouches for. */
struct vouched {
    struct str provider; /* its id here */
    struct str issuer, subject;
    struct str email; /* one that it has verified; .data NULL: none */
    struct str name;  /* how to call them, a proposal; .data NULL: none */
};

struct identity_row {
    int64_t id;
    struct str provider, issuer, subject;
    struct str email;                 /* .data NULL: none */
    int64_t created_at, last_used_at; /* milliseconds since 1970 */
};
struct identity_row store_identity_at(const struct pg_result *rows, size_t row);

/* Whose identity this is, and its id; 0: nobody's. */
HUM_MUSTCHECK enum pg_outcome store_identity_find(struct pg *pg, const struct vouched *vouched,
                                                  int64_t *ret_user, int64_t *ret_id);
/* Notes that it has been used. After the locks of its user, as erasure takes them in this order.
 * *ret_found is false when it is not the user's any more. */
HUM_MUSTCHECK enum pg_outcome store_identity_touch(struct pg *pg, const struct vouched *vouched,
                                                   int64_t user, bool *ret_found);
/* The account of an e-mail address, locked until the transaction ends; 0: none. */
HUM_MUSTCHECK enum pg_outcome store_identity_account(struct pg *pg, struct str email,
                                                     int64_t *ret_user, bool *ret_verified);
/* PG_CONFLICT: it is somebody's already. */
HUM_MUSTCHECK enum pg_outcome store_identity_add(struct pg *pg, int64_t user,
                                                 const struct vouched *vouched, int64_t *ret_id);
/* Adds a person without a password, whose address is verified, with an inbox. PG_CONFLICT: the
 * address (store_accounts_email_key) or the nickname (store_users_nickname_key) is taken. */
HUM_MUSTCHECK enum pg_outcome store_identity_person(struct pg *pg, struct str email,
                                                    struct str nickname, struct str nickname_key,
                                                    int64_t *ret_user);

/* Somebody's address, if it is this one, is verified. */
HUM_MUSTCHECK enum pg_outcome store_identity_vouch(struct pg *pg, int64_t user, struct str email);

/* How somebody can sign in. */
struct ways_in {
    int64_t identities;
    bool password;
};
/* Locks the account until the transaction ends, so that these stay. */
HUM_MUSTCHECK enum pg_outcome store_identities_hold(struct pg *pg, int64_t user,
                                                    struct ways_in *ret_ways);
HUM_MUSTCHECK enum pg_outcome store_identity_remove(struct pg *pg, int64_t user, int64_t id,
                                                    bool *ret_found);
/* Removes those of a person that are of another address than the account's, or of none, with the
 * event of each. */
HUM_MUSTCHECK enum pg_outcome store_identities_clear_others(struct pg *pg, int64_t user);
/* The identities of a person after an id. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_identities_list(struct pg *pg, int64_t user, int64_t after,
                                                    int limit, struct pg_result **ret_rows);
/* One of them: none or one row. */
HUM_MUSTCHECK enum pg_outcome store_identity_get(struct pg *pg, int64_t user, int64_t id,
                                                 struct pg_result **ret_rows);

extern const struct pg_statement *const store_identities_statements[];
extern const size_t store_identities_statements_count;

#endif
