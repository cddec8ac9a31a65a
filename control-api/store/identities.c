#include "identities.h"

#include "run.h"

#define MS(column) "(extract(epoch from " column ") * 1000)::bigint"
#define COLUMNS                                                                                    \
    "select id, provider, issuer, subject, email, " MS("created_at") ", " MS("last_used_at") " "

static const struct pg_statement find = {
    "identity_find",
    "select user_id, id from identities where issuer = $1 and subject = $2",
};

static const struct pg_statement touch = {
    "identity_touch",
    "update identities set last_used_at = now(), provider = $3, email = coalesce($4, email) "
    "where issuer = $1 and subject = $2 and user_id = $5 returning 1",
};

static const struct pg_statement account = {
    "identity_account",
    "select id, email_verified_at is not null from users where lower(email) = lower($1) "
    "for no key update",
};

static const struct pg_statement add = {
    "identity_add",
    "insert into identities (issuer, subject, provider, email, user_id) "
    "values ($1, $2, $3, $4, $5) returning id",
};

/* The inbox is a room of kind 4 with the person's own id. */
static const struct pg_statement person = {
    "identity_person",
    "with person as (insert into users (id, email, nickname, nickname_key, email_verified_at) "
    "values (hum_id(), $1, $2, $3, now()) returning id), "
    "inbox as (insert into rooms (id, kind) select id, 4 from person) "
    "select id from person",
};

static const struct pg_statement vouch = {
    "identity_vouch",
    "update users set email_verified_at = now() "
    "where id = $1 and lower(email) = lower($2) and email_verified_at is null",
};

static const struct pg_statement lock = {
    "identities_lock",
    "select from users where id = $1 for no key update",
};

/* After the lock, so that it sees what those have done who had it before. */
static const struct pg_statement count = {
    "identities_count",
    "select (select count(*) from identities where user_id = $1), "
    "exists (select from user_passwords where user_id = $1)",
};

static const struct pg_statement remove_one = {
    "identity_remove",
    "delete from identities where id = $2 and user_id = $1 returning id",
};

static const struct pg_statement clear_others = {
    "identities_clear_others",
    "with gone as (delete from identities i using users u "
    " where u.id = $1 and i.user_id = u.id "
    " and (i.email is null or lower(i.email) <> lower(u.email)) returning i.id) "
    "insert into events (kind, actor_id, subject_id, data) "
    "select 'IdentityUnlinked', $1, $1, jsonb_build_object('identity', id::text) from gone",
};

static const struct pg_statement list = {
    "identities_list",
    COLUMNS "from identities where user_id = $1 and id > $2 order by id limit $3",
};

static const struct pg_statement get = {
    "identity_get",
    COLUMNS "from identities where user_id = $1 and id = $2",
};

struct identity_row store_identity_at(const struct pg_result *rows, size_t row) {
    return (struct identity_row){
        .id = pg_get_int(rows, row, 0),
        .provider = pg_get_text(rows, row, 1),
        .issuer = pg_get_text(rows, row, 2),
        .subject = pg_get_text(rows, row, 3),
        .email = pg_get_text(rows, row, 4),
        .created_at = pg_get_int(rows, row, 5),
        .last_used_at = pg_get_int(rows, row, 6),
    };
}

/* The first number of the only row; 0 without one. Takes rows over. */
static int64_t take_int(struct pg_result *rows) {
    int64_t value = pg_rows(rows) > 0 ? pg_get_int(rows, 0, 0) : 0;

    pg_result_free(rows);
    return value;
}

enum pg_outcome store_identity_find(struct pg *pg, const struct vouched *vouched, int64_t *ret_user,
                                    int64_t *ret_id) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &find, &rows, TEXT(vouched->issuer), TEXT(vouched->subject)));
    *ret_id = pg_rows(rows) > 0 ? pg_get_int(rows, 0, 1) : 0;
    *ret_user = take_int(rows);
    return PG_DONE;
}

enum pg_outcome store_identity_touch(struct pg *pg, const struct vouched *vouched, int64_t user,
                                     bool *ret_found) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &touch, &rows, TEXT(vouched->issuer), TEXT(vouched->subject),
               TEXT(vouched->provider), TEXT(vouched->email), INT(user)));
    *ret_found = take_int(rows) != 0;
    return PG_DONE;
}

enum pg_outcome store_identity_account(struct pg *pg, struct str email, int64_t *ret_user,
                                       bool *ret_verified) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &account, &rows, TEXT(email)));
    *ret_verified = pg_rows(rows) > 0 && pg_get_int(rows, 0, 1) != 0;
    *ret_user = take_int(rows);
    return PG_DONE;
}

enum pg_outcome store_identity_add(struct pg *pg, int64_t user, const struct vouched *vouched,
                                   int64_t *ret_id) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &add, &rows, TEXT(vouched->issuer), TEXT(vouched->subject),
               TEXT(vouched->provider), TEXT(vouched->email), INT(user)));
    *ret_id = take_int(rows);
    return PG_DONE;
}

enum pg_outcome store_identity_person(struct pg *pg, struct str email, struct str nickname,
                                      struct str nickname_key, int64_t *ret_user) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &person, &rows, TEXT(email), TEXT(nickname), TEXT(nickname_key)));
    *ret_user = take_int(rows);
    return PG_DONE;
}

enum pg_outcome store_identity_vouch(struct pg *pg, int64_t user, struct str email) {
    return RUN(pg, &vouch, NULL, INT(user), TEXT(email));
}

enum pg_outcome store_identities_hold(struct pg *pg, int64_t user, struct ways_in *ret_ways) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &lock, NULL, INT(user)));
    PG_TRY(RUN(pg, &count, &rows, INT(user)));
    ret_ways->identities = pg_get_int(rows, 0, 0);
    ret_ways->password = pg_get_int(rows, 0, 1) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_identity_remove(struct pg *pg, int64_t user, int64_t id, bool *ret_found) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &remove_one, &rows, INT(user), INT(id)));
    *ret_found = take_int(rows) != 0;
    return PG_DONE;
}

enum pg_outcome store_identities_list(struct pg *pg, int64_t user, int64_t after, int limit,
                                      struct pg_result **ret_rows) {
    return RUN(pg, &list, ret_rows, INT(user), INT(after), INT(limit));
}

enum pg_outcome store_identity_get(struct pg *pg, int64_t user, int64_t id,
                                   struct pg_result **ret_rows) {
    return RUN(pg, &get, ret_rows, INT(user), INT(id));
}

enum pg_outcome store_identities_clear_others(struct pg *pg, int64_t user) {
    return RUN(pg, &clear_others, NULL, INT(user));
}

const struct pg_statement *const store_identities_statements[] = {
    &find, &touch, &account,    &add,          &person, &vouch,
    &lock, &count, &remove_one, &clear_others, &list,   &get,
};
const size_t store_identities_statements_count =
    sizeof store_identities_statements / sizeof store_identities_statements[0];
