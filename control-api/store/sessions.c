#include "sessions.h"

#include <sodium.h>

#include "run.h"

#define TEXT_OF(value) #value
#define DAYS(count) "interval '" TEXT_OF(count) " days'"
#define LIFE DAYS(SESSION_LIFE_DAYS)
#define SECONDS(column) "extract(epoch from " column ")::bigint"
#define MILLISECONDS(column) "(extract(epoch from " column ") * 1000)::bigint"

static const struct pg_statement add = {
    "session_add",
    "insert into sessions (id, user_id, device_name, device_kind, refresh_seed, expires_at) "
    "values (hum_id(), $1, $2, $3, $4, now() + " LIFE ") returning id, " SECONDS("expires_at"),
};

static const struct pg_statement lock = {
    "session_lock",
    "select user_id, " SECONDS("expires_at") ", refresh_generation, encode(refresh_seed, 'hex') "
                                             "from sessions where id = $1 and revoked_at is null "
                                             "and expires_at > now() for update",
};

static const struct pg_statement advance = {
    "session_advance",
    "update sessions set refresh_generation = $2, last_seen_at = now(), "
    "expires_at = now() + " LIFE " where id = $1 returning " SECONDS("expires_at"),
};

static const struct pg_statement revoke = {
    "session_revoke",
    "update sessions set revoked_at = now() where id = $1 and user_id = $2 and revoked_at is null "
    "returning id",
};

/* What follows "with ended as (…), ": each has its event, and is told to the broker. */
#define TELL_ENDED                                                                                 \
    "recorded as (insert into events (kind, actor_id, subject_id, data) "                          \
    " select 'SessionRevoked', $1, $1, jsonb_build_object('session', id::text) from ended) "       \
    "select count(pg_notify('hum', format('session %s %s', $1::bigint, id))) from ended"

static const struct pg_statement end_all = {
    "session_end_all",
    "with ended as (update sessions set revoked_at = now() "
    " where user_id = $1 and id <> $2 and revoked_at is null returning id), " TELL_ENDED,
};

/* Nobody waits here for one that somebody uses: it is the next sign-in's. */
static const struct pg_statement end_surplus = {
    "session_end_surplus",
    "with surplus as (select id from sessions where id in ("
    "  select id from sessions where user_id = $1 and revoked_at is null and expires_at > now() "
    "  order by last_seen_at desc, id desc offset $2) and revoked_at is null "
    " for update skip locked), "
    "ended as (update sessions set revoked_at = now() where id in (select id from surplus) "
    " returning id), " TELL_ENDED,
};

static const struct pg_statement list = {
    "sessions_list",
    "select id, device_name, device_kind, " MILLISECONDS("created_at") ", " MILLISECONDS(
        "last_seen_at") " from sessions "
                        "where user_id = $1 and id > $2 and revoked_at is null and expires_at > "
                        "now() "
                        "order by id limit $3",
};

static const struct pg_statement holder = {
    "session_holder",
    "select u.nickname from sessions s join users u on u.id = s.user_id "
    "where s.id = $1 and s.user_id = $2 and s.revoked_at is null and s.expires_at > now()",
};

static const struct pg_statement seen = {
    "sessions_seen",
    "select hum_sessions_seen($1::bigint[])",
};

static const struct pg_statement sweep = {
    "sessions_sweep",
    "select hum_sweep_sessions($1::integer)",
};

static const struct pg_statement alive = {
    "session_alive",
    "select from sessions "
    "where id = $1 and user_id = $2 and revoked_at is null and expires_at > now()",
};

enum pg_outcome store_session_add(struct pg *pg, struct session *session, struct str device_name,
                                  struct str device_kind) {
    struct pg_result *rows = NULL;
    struct str seed = {(const char *)session->seed, SESSION_SEED_LEN};

    PG_TRY(RUN(pg, &add, &rows, INT(session->user), TEXT(device_name), TEXT(device_kind),
               BYTES(seed)));
    session->id = pg_get_int(rows, 0, 0);
    session->expires_at = pg_get_int(rows, 0, 1);
    session->generation = 1;
    pg_result_free(rows);
    return PG_DONE;
}

/* False: the seed is not what this program has written. */
static bool read_row(const struct pg_result *rows, struct session *session) {
    struct str hex = pg_get_text(rows, 0, 3);
    size_t len = 0;

    session->user = pg_get_int(rows, 0, 0);
    session->expires_at = pg_get_int(rows, 0, 1);
    session->generation = (int32_t)pg_get_int(rows, 0, 2);
    return sodium_hex2bin(session->seed, SESSION_SEED_LEN, hex.data, hex.len, NULL, &len, NULL) ==
               0 &&
           len == SESSION_SEED_LEN;
}

enum pg_outcome store_session_lock(struct pg *pg, int64_t id, bool *ret_found,
                                   struct session *ret_session) {
    struct pg_result *rows = NULL;
    struct session session = {.id = id};

    PG_TRY(RUN(pg, &lock, &rows, INT(id)));
    *ret_found = pg_rows(rows) == 1 && read_row(rows, &session);
    pg_result_free(rows);
    if (*ret_found) {
        *ret_session = session;
    }
    return PG_DONE;
}

enum pg_outcome store_session_advance(struct pg *pg, struct session *session) {
    struct pg_result *rows = NULL;

    PG_TRY(RUN(pg, &advance, &rows, INT(session->id), INT(session->generation + 1)));
    session->generation++;
    session->expires_at = pg_get_int(rows, 0, 0);
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_session_revoke(struct pg *pg, int64_t user, int64_t id, bool *ret_ended) {
    struct pg_result *rows = NULL;

    PG_TRY(RUN(pg, &revoke, &rows, INT(id), INT(user)));
    *ret_ended = pg_rows(rows) == 1;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_session_end_all(struct pg *pg, int64_t user, int64_t except) {
    return RUN(pg, &end_all, NULL, INT(user), INT(except));
}

enum pg_outcome store_session_end_surplus(struct pg *pg, int64_t user, int keep, bool *ret_ended) {
    struct pg_result *rows = NULL;

    PG_TRY(RUN(pg, &end_surplus, &rows, INT(user), INT(keep)));
    *ret_ended = pg_get_int(rows, 0, 0) > 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_sessions_list(struct pg *pg, int64_t user, int64_t after, int limit,
                                    struct pg_result **ret_rows) {
    return RUN(pg, &list, ret_rows, INT(user), INT(after), INT(limit));
}

struct session_row store_session_at(const struct pg_result *rows, size_t row) {
    return (struct session_row){
        .id = pg_get_int(rows, row, 0),
        .device_name = pg_get_text(rows, row, 1),
        .device_kind = pg_get_text(rows, row, 2),
        .created_at = pg_get_int(rows, row, 3),
        .last_seen_at = pg_get_int(rows, row, 4),
    };
}

enum pg_outcome store_session_holder(struct pg *pg, int64_t user, int64_t id,
                                     struct pg_result **ret_rows) {
    return RUN(pg, &holder, ret_rows, INT(id), INT(user));
}

enum pg_outcome store_sessions_seen(struct pg *pg, const int64_t *ids, size_t count) {
    return RUN(pg, &seen, NULL, INTS(ids, count));
}

enum pg_outcome store_sessions_sweep(struct pg *pg, int limit) {
    return RUN(pg, &sweep, NULL, INT(limit));
}

enum pg_outcome store_session_alive(struct pg *pg, int64_t user, int64_t id, bool *ret_alive) {
    struct pg_result *rows = NULL;

    PG_TRY(RUN(pg, &alive, &rows, INT(id), INT(user)));
    *ret_alive = pg_rows(rows) == 1;
    pg_result_free(rows);
    return PG_DONE;
}

const struct pg_statement *const store_sessions_statements[] = {
    &add, &lock, &advance, &revoke, &end_all, &end_surplus, &list, &holder, &seen, &sweep, &alive,
};
const size_t store_sessions_statements_count =
    sizeof store_sessions_statements / sizeof store_sessions_statements[0];
