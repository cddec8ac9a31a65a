/* Accounts: what makes a person able to sign in. */
#ifndef HUM_STORE_ACCOUNTS_H
#define HUM_STORE_ACCOUNTS_H

#include "pg.h"

/* The constraint that PG_CONFLICT of store_account_add names, besides store_users_nickname_key. */
extern const char store_accounts_email_key[];

/* Adds a person with a password and an inbox, and tells the new id. */
HUM_MUSTCHECK enum pg_outcome store_account_add(struct pg *pg, struct str email,
                                                struct str nickname, struct str nickname_key,
                                                const char *password_hash, int64_t *ret_id);

/* None or one row, freed with pg_result_free: column 0 the id, column 1 the password's hash. */
HUM_MUSTCHECK enum pg_outcome store_account_by_email(struct pg *pg, struct str email,
                                                     struct pg_result **ret_rows);

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
