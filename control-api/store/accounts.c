#include "accounts.h"

#include "run.h"

const char store_accounts_email_key[] = "users_email_key";

/* The inbox is a room of kind 4 with the person's own id. */
static const struct pg_statement add = {
    "account_add",
    "with person as (insert into users (id, email, nickname, nickname_key) "
    "values (hum_id(), $1, $2, $3) returning id), "
    "password as (insert into user_passwords (user_id, hash) "
    " select id, $4::text from person where $4::text is not null), "
    "inbox as (insert into rooms (id, kind) select id, 4 from person) "
    "select id from person",
};

/* The same work whoever's address it is. */
static const struct pg_statement by_email = {
    "account_by_email",
    "select u.id, p.hash, u.email_verified_at is not null, "
    "(select r.hash from registrations r where lower(r.email) = lower($1) and r.used_at is null "
    " and r.expires_at > now() order by lower(r.email) desc, r.id desc limit 1) "
    "from (select) x left join users u on lower(u.email) = lower($1) "
    "left join user_passwords p on p.user_id = u.id",
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

static const struct pg_statement find = {
    "account_find",
    "select id, email_verified_at is not null, email from users where lower(email) = lower($1)",
};

static const struct pg_statement verify = {
    "account_verify",
    "update users set email_verified_at = coalesce(email_verified_at, now()) "
    "where id = $1 and lower(email) = lower($2) returning id",
};

static const struct pg_statement address = {
    "account_address",
    "with old as (select * from users where id = $1 and erased_at is null for update) "
    "update users u set email = $2, email_verified_at = now() from old where u.id = old.id "
    "returning old.id, old.email_verified_at is not null, old.email",
};

static const struct pg_statement replace = {
    "password_replace",
    "insert into user_passwords (user_id, hash) values ($1, $2) "
    "on conflict (user_id) do update set hash = excluded.hash",
};

static const struct pg_statement erase = {"account_erase", "select hum_erase($1)"};

enum pg_outcome store_account_add(struct pg *pg, struct str email, struct str nickname,
                                  struct str nickname_key, struct str password_hash,
                                  int64_t *ret_id) {
    struct pg_result *rows = NULL;

    PG_TRY(
        RUN(pg, &add, &rows, TEXT(email), TEXT(nickname), TEXT(nickname_key), TEXT(password_hash)));
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

/* rows: id, whether verified, address. Takes them over. */
static void read_account(struct pg_result *rows, struct account *ret_account) {
    if (pg_rows(rows) == 0) {
        pg_result_free(rows);
        *ret_account = (struct account){0};
        return;
    }
    *ret_account = (struct account){
        .user = pg_get_int(rows, 0, 0),
        .verified = pg_get_int(rows, 0, 1) != 0,
        .email = pg_get_text(rows, 0, 2),
        .rows = rows,
    };
}

enum pg_outcome store_account_find(struct pg *pg, struct str email, struct account *ret_account) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &find, &rows, TEXT(email)));
    read_account(rows, ret_account);
    return PG_DONE;
}

enum pg_outcome store_account_verify(struct pg *pg, int64_t user, struct str email,
                                     bool *ret_done) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &verify, &rows, INT(user), TEXT(email)));
    *ret_done = pg_rows(rows) > 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_account_address(struct pg *pg, int64_t user, struct str email,
                                      struct account *ret_old) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &address, &rows, INT(user), TEXT(email)));
    read_account(rows, ret_old);
    return PG_DONE;
}

enum pg_outcome store_password_replace(struct pg *pg, int64_t user, const char *hash) {
    return RUN(pg, &replace, NULL, INT(user), TEXT(str_of(hash)));
}

enum pg_outcome store_account_erase(struct pg *pg, int64_t user, bool *ret_found) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &erase, &rows, INT(user)));
    *ret_found = pg_get_int(rows, 0, 0) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

const struct pg_statement *const store_accounts_statements[] = {
    &add, &by_email, &find, &verify, &address, &proof, &swap, &give, &hold, &replace, &erase,
};
const size_t store_accounts_statements_count =
    sizeof store_accounts_statements / sizeof store_accounts_statements[0];
