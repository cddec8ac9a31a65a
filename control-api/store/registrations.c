#include "registrations.h"

#include <sodium.h>

#include "run.h"
#include "store/mail_requests.h"
#include "store/mails.h"

#define USABLE "used_at is null and expires_at > now()"

static const struct pg_statement add = {
    "registration_add",
    "with room as (select count(*) < $7 as free from (select from mail_requests limit $7) m), "
    "added as (insert into registrations (email, nickname, nickname_key, hash, seed, expires_at) "
    " select $1, $2, $3, $4, $5, now() + $6::integer * interval '1 second' from room where free "
    " returning id, email), "
    "asked as (insert into mail_requests (kind, address, registration_id, quiet) "
    " select $8, email, id, $9::integer = 0 from added) "
    "select free from room",
};

static const struct pg_statement lock = {
    "registration_lock",
    "select email, nickname, nickname_key, hash, encode(seed, 'hex'), expires_at <= now(), "
    "used_at is not null from registrations where id = $1 for update",
};

static const struct pg_statement use = {
    "registration_use",
    "with unsent as (delete from mails where registration_id = $1) "
    "update registrations set used_at = now() where id = $1",
};

static const struct pg_statement latest = {
    "registration_latest",
    "select id from registrations where lower(email) = lower($1) and " USABLE
    " order by lower(email) desc, id desc limit 1",
};

static const struct pg_statement rivals = {
    "registration_rivals",
    "select exists (select from registrations where lower(email) = lower($1) and id <> $2 "
    "and " USABLE ")",
};

static const struct pg_statement mail = {
    "registration_mail",
    "with room as (select count(*) < $3 as free from (select from mails limit $3) m) "
    "insert into mails (kind, address, registration_id) "
    "select $2, r.email, r.id from room, registrations r where free and r.id = $1 and " USABLE
    " on conflict (registration_id) do nothing",
};

static const struct pg_statement sweep = {
    "registrations_sweep",
    "delete from registrations where id in (select id from registrations "
    "where expires_at < now() - interval '1 day' order by expires_at limit $1)",
};

enum pg_outcome store_registration_add(struct pg *pg, const struct registration *registration,
                                       int life_s, bool send, bool *ret_added) {
    unsigned char seed[MAIL_SEED_LEN];
    struct pg_result *rows;

    randombytes_buf(seed, sizeof seed);
    PG_TRY(RUN(pg, &add, &rows, TEXT(registration->email), TEXT(registration->nickname),
               TEXT(registration->nickname_key), TEXT(registration->hash),
               BYTES(((struct str){(const char *)seed, sizeof seed})), INT(life_s),
               INT(MAIL_REQUESTS_MAX), INT(ASKED_SIGNUP), INT(send)));
    *ret_added = pg_get_int(rows, 0, 0) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

static bool read_row(struct pg_result *rows, int64_t id, struct registration *ret_registration) {
    struct registration row = {
        .id = id,
        .email = pg_get_text(rows, 0, 0),
        .nickname = pg_get_text(rows, 0, 1),
        .nickname_key = pg_get_text(rows, 0, 2),
        .hash = pg_get_text(rows, 0, 3),
        .expired = pg_get_int(rows, 0, 5) != 0,
        .used = pg_get_int(rows, 0, 6) != 0,
        .rows = rows,
    };
    struct str hex = pg_get_text(rows, 0, 4);
    size_t len = 0;

    if (sodium_hex2bin(row.seed, MAIL_SEED_LEN, hex.data, hex.len, NULL, &len, NULL) != 0 ||
        len != MAIL_SEED_LEN) {
        return false;
    }
    *ret_registration = row;
    return true;
}

enum pg_outcome store_registration_lock(struct pg *pg, int64_t id, bool *ret_found,
                                        struct registration *ret_registration) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &lock, &rows, INT(id)));
    *ret_found = pg_rows(rows) == 1 && read_row(rows, id, ret_registration);
    if (!*ret_found) {
        pg_result_free(rows);
    }
    return PG_DONE;
}

enum pg_outcome store_registration_use(struct pg *pg, int64_t id) {
    return RUN(pg, &use, NULL, INT(id));
}

enum pg_outcome store_registration_latest(struct pg *pg, struct str email, int64_t *ret_id) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &latest, &rows, TEXT(email)));
    *ret_id = pg_rows(rows) == 1 ? pg_get_int(rows, 0, 0) : 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_registration_rivals(struct pg *pg, const struct registration *registration,
                                          bool *ret_rivals) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &rivals, &rows, TEXT(registration->email), INT(registration->id)));
    *ret_rivals = pg_get_int(rows, 0, 0) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_registration_mail(struct pg *pg, int64_t id) {
    return RUN(pg, &mail, NULL, INT(id), INT(MAIL_VERIFY), INT(MAILS_MAX));
}

enum pg_outcome store_registrations_sweep(struct pg *pg, int limit) {
    return RUN(pg, &sweep, NULL, INT(limit));
}

const struct pg_statement *const store_registrations_statements[] = {&add,    &lock, &use,  &rivals,
                                                                     &latest, &mail, &sweep};
const size_t store_registrations_statements_count =
    sizeof store_registrations_statements / sizeof store_registrations_statements[0];
