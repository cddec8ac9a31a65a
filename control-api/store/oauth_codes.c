#include "oauth_codes.h"

#include "run.h"

static const struct pg_statement add = {
    "oauth_code_add",
    "insert into oauth_codes (hash, state_hash, challenge, provider, issuer, subject, email, name, "
    "expires_at) values ($1::bytea, $2::bytea, $3::bytea, $4, $5, $6, $7, $8, "
    "now() + $9::bigint * interval '1 second') on conflict (state_hash) do nothing returning 1",
};

/* Two that come at once: the second waits, and then finds it used. */
static const struct pg_statement use = {
    "oauth_code_use",
    "update oauth_codes set used_at = now() "
    "where hash = $1::bytea and used_at is null and expires_at > now() "
    "returning encode(challenge, 'hex'), provider, issuer, subject, email, name",
};

static const struct pg_statement sweep = {
    "oauth_codes_sweep",
    "delete from oauth_codes where hash in (select hash from oauth_codes "
    "where expires_at < now() - $1::bigint * interval '1 second' order by expires_at limit $2)",
};

enum pg_outcome store_oauth_code_add(struct pg *pg, struct str hash, struct str state_hash,
                                     struct str challenge, const struct vouched *vouched,
                                     bool *ret_added) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &add, &rows, BYTES(hash), BYTES(state_hash), BYTES(challenge),
               TEXT(vouched->provider), TEXT(vouched->issuer), TEXT(vouched->subject),
               TEXT(vouched->email), TEXT(vouched->name), INT(OAUTH_CODE_LIFE_S)));
    *ret_added = pg_rows(rows) > 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_oauth_code_use(struct pg *pg, struct str hash, struct pg_result **ret_rows) {
    return RUN(pg, &use, ret_rows, BYTES(hash));
}

struct vouched store_oauth_code_at(const struct pg_result *rows, struct str *ret_challenge) {
    *ret_challenge = pg_get_text(rows, 0, 0);
    return (struct vouched){
        .provider = pg_get_text(rows, 0, 1),
        .issuer = pg_get_text(rows, 0, 2),
        .subject = pg_get_text(rows, 0, 3),
        .email = pg_get_text(rows, 0, 4),
        .name = pg_get_text(rows, 0, 5),
    };
}

enum pg_outcome store_oauth_codes_sweep(struct pg *pg, int limit) {
    return RUN(pg, &sweep, NULL, INT(OAUTH_STATE_LIFE_S), INT(limit));
}

const struct pg_statement *const store_oauth_codes_statements[] = {&add, &use, &sweep};
const size_t store_oauth_codes_statements_count =
    sizeof store_oauth_codes_statements / sizeof store_oauth_codes_statements[0];
