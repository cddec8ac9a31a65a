#include "avatars.h"

#include "run.h"

static const struct pg_statement set = {
    "avatar_set",
    "select hum_set_avatar($1, $2::bytea, $3::bytea)",
};

static const struct pg_statement get = {
    "avatar_get",
    "select encode(a.hash, 'hex'), encode(a.body, 'hex') "
    "from users u join avatars a on a.hash = u.avatar_hash where u.id = $1",
};

enum pg_outcome store_avatar_set(struct pg *pg, int64_t user, struct str hash, struct str body,
                                 bool *ret_changed) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &set, &rows, INT(user), BYTES(hash), BYTES(body)));
    *ret_changed = pg_get_int(rows, 0, 0) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_avatar_get(struct pg *pg, int64_t user, struct pg_result **ret_rows) {
    return RUN(pg, &get, ret_rows, INT(user));
}

const struct pg_statement *const store_avatars_statements[] = {&set, &get};
const size_t store_avatars_statements_count =
    sizeof store_avatars_statements / sizeof store_avatars_statements[0];
