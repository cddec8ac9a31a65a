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

static const struct pg_statement proof = {
    "account_proof",
    "select p.hash, s.created_at > now() - interval '5 minutes' "
    "from sessions s left join user_passwords p on p.user_id = s.user_id "
    "where s.id = $2 and s.user_id = $1 and s.revoked_at is null",
};

static const struct pg_statement swap = {
    "password_swap",
    "update user_passwords set hash = $3 where user_id = $1 and hash = $2 returning 1",
};

static const struct pg_statement give = {
    "password_give",
    "insert into user_passwords (user_id, hash) values ($1, $2) on conflict do nothing returning 1",
};

static const struct pg_statement hold = {
    "password_hold",
    "select from user_passwords where user_id = $1 and hash = $2 for share",
};

static const struct pg_statement erase = {"account_erase", "select hum_erase($1)"};

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

enum pg_outcome store_account_proof(struct pg *pg, int64_t user, int64_t session,
                                    struct pg_result **ret_rows) {
    return RUN(pg, &proof, ret_rows, INT(user), INT(session));
}

/* Whether a statement that returns a row has done something. */
static enum pg_outcome was_done(enum pg_outcome outcome, struct pg_result *rows, bool *ret_done) {
    PG_TRY(outcome);
    *ret_done = pg_rows(rows) == 1;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_password_set(struct pg *pg, int64_t user, const char *old_hash,
                                   const char *new_hash, bool *ret_done) {
    struct pg_result *rows = NULL;
    enum pg_outcome outcome =
        old_hash ? RUN(pg, &swap, &rows, INT(user), TEXT(str_of(old_hash)), TEXT(str_of(new_hash)))
                 : RUN(pg, &give, &rows, INT(user), TEXT(str_of(new_hash)));

    return was_done(outcome, rows, ret_done);
}

enum pg_outcome store_password_hold(struct pg *pg, int64_t user, const char *hash, bool *ret_held) {
    struct pg_result *rows = NULL;
    enum pg_outcome outcome = RUN(pg, &hold, &rows, INT(user), TEXT(str_of(hash)));

    return was_done(outcome, rows, ret_held);
}

enum pg_outcome store_account_erase(struct pg *pg, int64_t user, bool *ret_found) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &erase, &rows, INT(user)));
    *ret_found = pg_get_int(rows, 0, 0) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

const struct pg_statement *const store_accounts_statements[] = {
    &add, &by_email, &proof, &swap, &give, &hold, &erase,
};
const size_t store_accounts_statements_count =
    sizeof store_accounts_statements / sizeof store_accounts_statements[0];
