/* Accounts: what makes a person able to sign in. */
#ifndef HUM_STORE_ACCOUNTS_H
#define HUM_STORE_ACCOUNTS_H

#include "pg.h"

/* The constraint that PG_CONFLICT of store_account_add names, besides store_users_nickname_key. */
extern const char store_accounts_email_key[];

/* Adds a person with an inbox and a password, or, where .data of that is NULL, none; tells the new
 * id. */
HUM_MUSTCHECK enum pg_outcome store_account_add(struct pg *pg, struct str email,
                                                struct str nickname, struct str nickname_key,
                                                struct str password_hash, int64_t *ret_id);

/* Always one row, freed with pg_result_free: column 0 the id, or 0; column 1 the password's hash,
 * or null; column 2 whether the address is verified; column 3 the hash of the password that
 * somebody has signed up with last, with this address, and not followed the link of the mail, or
 * null. */
HUM_MUSTCHECK enum pg_outcome store_account_by_email(struct pg *pg, struct str email,
                                                     struct pg_result **ret_rows);

struct account {
    int64_t user;           /* 0: none */
    bool verified;          /* whether the address is */
    struct str email;       /* as its owner has written it */
    struct pg_result *rows; /* what email belongs to; freed by the caller */
};

/* Whose address it is; user 0, and nothing to free: nobody's. */
HUM_MUSTCHECK enum pg_outcome store_account_find(struct pg *pg, struct str email,
                                                 struct account *ret_account);
/* Marks the address of an account as verified. ret_done false: the account has another address. */
HUM_MUSTCHECK enum pg_outcome store_account_verify(struct pg *pg, int64_t user, struct str email,
                                                   bool *ret_done);
/* Gives an account another address, which is verified. ret_old: what it was. PG_CONFLICT: it is
 * somebody else's. */
HUM_MUSTCHECK enum pg_outcome store_account_address(struct pg *pg, int64_t user, struct str email,
                                                    struct account *ret_old);
/* Gives an account a password in the place of the one that it has, if any. */
HUM_MUSTCHECK enum pg_outcome store_password_replace(struct pg *pg, int64_t user, const char *hash);

/* What shows that it is the person who asks. None (the session has ended) or one row, freed with
 * pg_result_free: column 0 the password's hash, null without one; column 1 whether they have signed
 * in within the last 5 minutes. */
HUM_MUSTCHECK enum pg_outcome store_account_proof(struct pg *pg, int64_t user, int64_t session,
                                                  struct pg_result **ret_rows);
/* Puts new_hash in the place of old_hash, or, where that is NULL, of none. *ret_done is false when
 * something else is there by now. */
HUM_MUSTCHECK enum pg_outcome store_password_set(struct pg *pg, int64_t user, const char *old_hash,
                                                 const char *new_hash, bool *ret_done);
/* Keeps the password from being changed until the transaction ends. *ret_held is false when it is
 * another one by now. */
HUM_MUSTCHECK enum pg_outcome store_password_hold(struct pg *pg, int64_t user, const char *hash,
                                                  bool *ret_held);
/* Erases the account (sql/, hum_erase). ret_found: false when there is none (any more). */
HUM_MUSTCHECK enum pg_outcome store_account_erase(struct pg *pg, int64_t user, bool *ret_found);

extern const struct pg_statement *const store_accounts_statements[];
extern const size_t store_accounts_statements_count;

#endif
