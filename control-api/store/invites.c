#include "invites.h"

#include "run.h"

/* Of a relation i like server_invites, as $1, who is invited, sees it. */
#define INVITE_COLUMNS                                                                             \
    "select i.id, i.user_id, (extract(epoch from i.created_at) * 1000)::bigint, " USER_COLUMNS     \
    ", s.id, s.owner_id, s.name, s.about, s.public, (extract(epoch from s.created_at) * "          \
    "1000)::bigint "
#define INVITE_JOINS                                                                               \
    "join servers s on s.id = i.server_id and s.deleted_at is null "                               \
    "join users u on u.id = i.inviter_id "

static const struct pg_statement insert = {
    "invite_insert",
    "insert into server_invites (server_id, inviter_id, user_id) values ($1, $2, $3) "
    "on conflict (server_id, user_id) do nothing returning id",
};

static const struct pg_statement get = {
    "invite_get",
    INVITE_COLUMNS "from server_invites i " INVITE_JOINS "where i.id = $2 and i.user_id = $1",
};

static const struct pg_statement list = {
    "invites_list",
    INVITE_COLUMNS "from server_invites i " INVITE_JOINS
                   "where i.user_id = $1 and i.id > $2 order by i.id limit $3",
};

static const struct pg_statement delete = {
    "invite_delete",
    "delete from server_invites where server_id = $1 and user_id = $2 returning 1",
};

static const struct pg_statement code_insert = {
    "code_insert",
    "insert into invite_codes (hash, server_id, creator_id, max_uses, expires_at) "
    "values ($1::bytea, $2, $3, nullif($4::bigint, 0), now() + $5::bigint * interval '1 second') "
    "returning (extract(epoch from expires_at) * 1000)::bigint",
};

#define CODE_LIVES "expires_at > now() and (max_uses is null or uses < max_uses)"

static const struct pg_statement code_find = {
    "code_find",
    "select server_id from invite_codes where hash = $1::bytea and " CODE_LIVES,
};

/* Waits for others who use the code, then looks at the row again as they have left it. */
static const struct pg_statement code_use = {
    "code_use",
    "update invite_codes set uses = uses + 1 where hash = $1::bytea and " CODE_LIVES " returning 1",
};

static const struct pg_statement codes_delete = {
    "codes_delete",
    "delete from invite_codes where server_id = $1 and creator_id = $2",
};

static const struct pg_statement codes_tidy = {
    "codes_tidy",
    "with dead as (delete from invite_codes "
    " where server_id = $1 and creator_id = $2 and not (" CODE_LIVES ")) "
    "select count(*) from invite_codes "
    "where server_id = $1 and creator_id = $2 and (" CODE_LIVES ")",
};

static const struct pg_statement codes_sweep = {
    "codes_sweep",
    "delete from invite_codes where hash in (select hash from invite_codes "
    "where expires_at < now() order by expires_at limit $1 for update skip locked)",
};

struct invite store_invite_at(const struct pg_result *rows, size_t row) {
    const int first = 3 + USER_COLUMNS_COUNT; /* of the server's */

    return (struct invite){
        .id = pg_get_int(rows, row, 0),
        .user = pg_get_int(rows, row, 1),
        .created_at = pg_get_int(rows, row, 2),
        .inviter = store_user_shown(rows, row, 3),
        .server = {.id = pg_get_int(rows, row, first),
                   .owner = pg_get_int(rows, row, first + 1),
                   .name = pg_get_text(rows, row, first + 2),
                   .about = pg_get_text(rows, row, first + 3),
                   .public = pg_get_int(rows, row, first + 4) != 0,
                   .created_at = pg_get_int(rows, row, first + 5)},
    };
}

/* The number that the first row begins with; 0 when there is none. Takes the rows. */
static int64_t take_number(struct pg_result *rows) {
    int64_t number = pg_rows(rows) > 0 ? pg_get_int(rows, 0, 0) : 0;

    pg_result_free(rows);
    return number;
}

enum pg_outcome store_invite_insert(struct pg *pg, int64_t server, int64_t inviter, int64_t user,
                                    int64_t *ret_id) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &insert, &rows, INT(server), INT(inviter), INT(user)));
    *ret_id = take_number(rows);
    return PG_DONE;
}

enum pg_outcome store_invite_get(struct pg *pg, int64_t user, int64_t id,
                                 struct pg_result **ret_rows) {
    return RUN(pg, &get, ret_rows, INT(user), INT(id));
}

enum pg_outcome store_invites_list(struct pg *pg, int64_t user, int64_t after, int limit,
                                   struct pg_result **ret_rows) {
    return RUN(pg, &list, ret_rows, INT(user), INT(after), INT(limit));
}

enum pg_outcome store_invite_delete(struct pg *pg, int64_t server, int64_t user, bool *ret_found) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &delete, &rows, INT(server), INT(user)));
    *ret_found = take_number(rows) != 0;
    return PG_DONE;
}

enum pg_outcome store_code_insert(struct pg *pg, struct str hash, int64_t server, int64_t creator,
                                  int64_t max_uses, int64_t max_age_s, int64_t *ret_expires_at) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &code_insert, &rows, BYTES(hash), INT(server), INT(creator), INT(max_uses),
               INT(max_age_s)));
    *ret_expires_at = take_number(rows);
    return PG_DONE;
}

enum pg_outcome store_code_find(struct pg *pg, struct str hash, int64_t *ret_server) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &code_find, &rows, BYTES(hash)));
    *ret_server = take_number(rows);
    return PG_DONE;
}

enum pg_outcome store_code_use(struct pg *pg, struct str hash, bool *ret_used) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &code_use, &rows, BYTES(hash)));
    *ret_used = take_number(rows) != 0;
    return PG_DONE;
}

enum pg_outcome store_codes_delete(struct pg *pg, int64_t server, int64_t user) {
    return RUN(pg, &codes_delete, NULL, INT(server), INT(user));
}

enum pg_outcome store_codes_tidy(struct pg *pg, int64_t server, int64_t user, int64_t *ret_count) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &codes_tidy, &rows, INT(server), INT(user)));
    *ret_count = take_number(rows);
    return PG_DONE;
}

enum pg_outcome store_codes_sweep(struct pg *pg, int limit) {
    return RUN(pg, &codes_sweep, NULL, INT(limit));
}

const struct pg_statement *const store_invites_statements[] = {
    &insert,    &get,      &list,         &delete,     &code_insert,
    &code_find, &code_use, &codes_delete, &codes_tidy, &codes_sweep,
};
const size_t store_invites_statements_count =
    sizeof store_invites_statements / sizeof store_invites_statements[0];
