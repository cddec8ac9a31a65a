#include "dms.h"

#include "run.h"

static const struct pg_statement find = {
    "dm_find",
    "select d.room_id, r.last_seq from dms d join rooms r on r.id = d.room_id "
    "where d.user_lo = least($1::bigint, $2::bigint) and d.user_hi = greatest($1, $2)",
};

static const struct pg_statement insert = {
    "dm_insert",
    "with room as (insert into rooms (id, kind) values (hum_id(), 1) returning id) "
    "insert into dms (room_id, user_lo, user_hi) "
    "select id, least($1::bigint, $2::bigint), greatest($1, $2) from room returning room_id",
};

enum pg_outcome store_dm_find(struct pg *pg, int64_t a, int64_t b, int64_t *ret_room,
                              int64_t *ret_last_seq) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &find, &rows, INT(a), INT(b)));
    *ret_room = 0;
    if (pg_rows(rows) > 0) {
        *ret_room = pg_get_int(rows, 0, 0);
        *ret_last_seq = pg_get_int(rows, 0, 1);
    }
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_dm_insert(struct pg *pg, int64_t a, int64_t b, int64_t *ret_room) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &insert, &rows, INT(a), INT(b)));
    *ret_room = pg_get_int(rows, 0, 0);
    pg_result_free(rows);
    return PG_DONE;
}

const struct pg_statement *const store_dms_statements[] = {&find, &insert};
const size_t store_dms_statements_count =
    sizeof store_dms_statements / sizeof store_dms_statements[0];
