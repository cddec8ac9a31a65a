#include "accounts.h"

#include "run.h"

const char store_accounts_email_key[] = "users_email_key";

/* The inbox is a room of kind 4 with the person's own id. */
static const struct pg_statement add = {
    "account_add",
    "with person as (insert into users (id, email, nickname, nickname_key) "
    "values (hum_id(), $1, $2, $3) returning id), "
    "password as (insert into user_passwords (user_id, hash) select id, $4 from person), "
    "inbox as (insert into rooms (id, kind) select id, 4 from person) "
    "select id from person",
};

static const struct pg_statement by_email = {
    "account_by_email",
    "select u.id, p.hash from users u join user_passwords p on p.user_id = u.id "
    "where lower(u.email) = lower($1)",
};

enum pg_outcome store_account_add(struct pg *pg, struct str email, struct str nickname,
                                  struct str nickname_key, const char *password_hash,
                                  int64_t *ret_id) {
    struct pg_result *rows = NULL;

    PG_TRY(RUN(pg, &add, &rows, TEXT(email), TEXT(nickname), TEXT(nickname_key),
               TEXT(str_of(password_hash))));
    *ret_id = pg_get_int(rows, 0, 0);
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_account_by_email(struct pg *pg, struct str email,
                                       struct pg_result **ret_rows) {
    return RUN(pg, &by_email, ret_rows, TEXT(email));
}

const struct pg_statement *const store_accounts_statements[] = {&add, &by_email};
const size_t store_accounts_statements_count =
    sizeof store_accounts_statements / sizeof store_accounts_statements[0];
