#include "mails.h"

#include <sodium.h>

#include "run.h"

static const struct pg_statement lock_user = {
    "mail_user_lock",
    "select from users where id = $1 and erased_at is null for no key update",
};

static const struct pg_statement void_token = {
    "mail_token_void",
    "delete from mail_tokens where user_id = $1 and purpose = $2 and used_at is null",
};

static const struct pg_statement add_token = {
    "mail_token_add",
    "insert into mail_tokens (user_id, purpose, address, seed, expires_at) "
    "values ($1, $2, $3, $4, now() + $5::integer * interval '1 second') returning id",
};

static const struct pg_statement lock_person = {
    "mail_token_person",
    "select u.id from mail_tokens t join users u on u.id = t.user_id "
    "where t.id = $1 and u.erased_at is null for no key update of u",
};

static const struct pg_statement lock_token = {
    "mail_token_lock",
    "select user_id, purpose, encode(seed, 'hex'), address, expires_at <= now(), "
    "used_at is not null from mail_tokens where id = $1 for update",
};

static const struct pg_statement use_token = {
    "mail_token_use",
    "with unsent as (delete from mails where token_id = $1) "
    "update mail_tokens set used_at = now() where id = $1",
};

static const struct pg_statement sweep = {
    "mail_tokens_sweep",
    "delete from mail_tokens where id in (select id from mail_tokens "
    "where expires_at < now() - interval '7 days' order by expires_at limit $1)",
};

/* Counting is cheap: few wait, unless the mail server is away. */
static const struct pg_statement queue = {
    "mail_queue",
    "with room as (select count(*) < $5 as free from (select from mails limit $5) m), "
    "added as (insert into mails (kind, user_id, address, token_id) "
    " select $1, $2, $3, nullif($4::bigint, 0) from room where free "
    " on conflict (user_id, kind, address) do nothing) "
    "select free from room",
};

static const struct pg_statement lease = {
    "mail_lease",
    "with next as (select id from mails where next_try_at <= now() "
    " order by next_try_at, id limit 1 for update skip locked), "
    "leased as (update mails m set tries = m.tries + 1, "
    " next_try_at = clock_timestamp() + $1::integer * interval '1 second' "
    " from next where m.id = next.id returning m.*) "
    "select l.id, l.kind, l.tries, extract(epoch from now() - l.created_at)::bigint, l.address, "
    "coalesce(l.token_id, l.registration_id), "
    "case when l.registration_id is null then t.purpose else $2::smallint end, "
    "encode(coalesce(t.seed, r.seed), 'hex'), coalesce(t.used_at, r.used_at) is not null "
    "or coalesce(t.expires_at, r.expires_at) <= now() "
    "from leased l left join mail_tokens t on t.id = l.token_id "
    "left join registrations r on r.id = l.registration_id",
};

/* A pause is at most an hour: what is further away was left by a clock that has stepped back. */
static const struct pg_statement recall = {
    "mails_recall",
    "update mails set next_try_at = now() where next_try_at > now() + interval '2 hours'",
};

static const struct pg_statement done = {
    "mail_done",
    "delete from mails where id = $1 and tries = $2",
};

static const struct pg_statement later = {
    "mail_later",
    "update mails set next_try_at = clock_timestamp() + $3::integer * interval '1 second' "
    "where id = $1 and tries = $2",
};

enum pg_outcome store_mail_token_add(struct pg *pg, enum mail_purpose purpose, int64_t user,
                                     struct str address, int life_s, int64_t *ret_id) {
    unsigned char seed[MAIL_SEED_LEN];
    struct pg_result *rows;

    randombytes_buf(seed, sizeof seed);
    PG_TRY(RUN(pg, &lock_user, NULL, INT(user))); /* first, as erasure does */
    PG_TRY(RUN(pg, &void_token, NULL, INT(user), INT(purpose)));
    PG_TRY(RUN(pg, &add_token, &rows, INT(user), INT(purpose), TEXT(address),
               BYTES(((struct str){(const char *)seed, sizeof seed})), INT(life_s)));
    *ret_id = pg_get_int(rows, 0, 0);
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_mail_tokens_void(struct pg *pg, enum mail_purpose purpose, int64_t user) {
    return RUN(pg, &void_token, NULL, INT(user), INT(purpose));
}

static bool read_seed(struct str hex, unsigned char ret_seed[MAIL_SEED_LEN]) {
    size_t len = 0;

    return sodium_hex2bin(ret_seed, MAIL_SEED_LEN, hex.data, hex.len, NULL, &len, NULL) == 0 &&
           len == MAIL_SEED_LEN;
}

static bool read_token(struct pg_result *rows, int64_t id, struct mail_token_row *ret_token) {
    struct mail_token_row token = {
        .id = id,
        .user = pg_get_int(rows, 0, 0),
        .purpose = (enum mail_purpose)pg_get_int(rows, 0, 1),
        .address = pg_get_text(rows, 0, 3),
        .expired = pg_get_int(rows, 0, 4) != 0,
        .used = pg_get_int(rows, 0, 5) != 0,
        .rows = rows,
    };

    if (!read_seed(pg_get_text(rows, 0, 2), token.seed)) {
        return false;
    }
    *ret_token = token;
    return true;
}

enum pg_outcome store_mail_token_lock(struct pg *pg, int64_t id, bool *ret_found,
                                      struct mail_token_row *ret_token) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &lock_person, &rows, INT(id)));
    bool found = pg_rows(rows) == 1;
    pg_result_free(rows);
    *ret_found = false;
    if (!found) {
        return PG_DONE;
    }
    PG_TRY(RUN(pg, &lock_token, &rows, INT(id)));
    *ret_found = pg_rows(rows) == 1 && read_token(rows, id, ret_token);
    if (!*ret_found) {
        pg_result_free(rows);
    }
    return PG_DONE;
}

enum pg_outcome store_mail_token_use(struct pg *pg, int64_t id) {
    return RUN(pg, &use_token, NULL, INT(id));
}

enum pg_outcome store_mail_tokens_sweep(struct pg *pg, int limit) {
    return RUN(pg, &sweep, NULL, INT(limit));
}

static int limit_of(enum mail_kind kind) {
    return kind == MAIL_ADDRESS_CHANGED || kind == MAIL_PASSWORD_CHANGED ||
                   kind == MAIL_IDENTITY_ADDED
               ? MAILS_NOTICES_MAX
               : MAILS_MAX;
}

enum pg_outcome store_mail_queue(struct pg *pg, enum mail_kind kind, int64_t user,
                                 struct str address, int64_t token, bool *ret_queued) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &queue, &rows, INT(kind), INT(user), TEXT(address), INT(token),
               INT(limit_of(kind))));
    *ret_queued = pg_get_int(rows, 0, 0) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_mail_lease(struct pg *pg, int lease_s, struct waiting_mail *ret) {
    struct pg_result *rows;

    *ret = (struct waiting_mail){0};
    PG_TRY(RUN(pg, &lease, &rows, INT(lease_s), INT(MAIL_FOR_SIGNUP)));
    if (pg_rows(rows) == 0) {
        pg_result_free(rows);
        return pg_run(pg, &recall, NULL, NULL);
    }
    *ret = (struct waiting_mail){
        .id = pg_get_int(rows, 0, 0),
        .kind = (enum mail_kind)pg_get_int(rows, 0, 1),
        .tries = (int)pg_get_int(rows, 0, 2),
        .age_s = pg_get_int(rows, 0, 3),
        .address = pg_get_text(rows, 0, 4),
        .token = pg_get_int(rows, 0, 5),
        .purpose = (enum mail_purpose)pg_get_int(rows, 0, 6),
        .over = pg_get_int(rows, 0, 8) != 0,
        .rows = rows,
    };
    if (ret->token != 0 && !read_seed(pg_get_text(rows, 0, 7), ret->seed)) {
        ret->over = true;
    }
    return PG_DONE;
}

enum pg_outcome store_mail_done(struct pg *pg, const struct waiting_mail *mail) {
    return RUN(pg, &done, NULL, INT(mail->id), INT(mail->tries));
}

enum pg_outcome store_mail_later(struct pg *pg, const struct waiting_mail *mail, int pause_s) {
    return RUN(pg, &later, NULL, INT(mail->id), INT(mail->tries), INT(pause_s));
}

const struct pg_statement *const store_mails_statements[] = {
    &lock_user, &void_token, &add_token, &lock_person, &lock_token, &use_token,
    &sweep,     &queue,      &lease,     &recall,      &done,       &later,
};
const size_t store_mails_statements_count =
    sizeof store_mails_statements / sizeof store_mails_statements[0];
