#include "events.h"

#include "run.h"

static const struct pg_statement insert = {
    "event_insert",
    "insert into events (kind, actor_id, subject_id, data) "
    "values ($1::text, nullif($2::bigint, 0), nullif($3::bigint, 0), "
    "coalesce($4::text, '{}')::jsonb)",
};

static const struct pg_statement after = {
    "events_after",
    "select xid::text, id, kind, actor_id, subject_id, data, "
    "(extract(epoch from at) * 1000)::bigint from events "
    "where (xid, id) > ($1::text::xid8, $2::bigint) "
    "and xid < pg_snapshot_xmin(pg_current_snapshot()) order by events.xid, id limit $3",
};

static const struct pg_statement bounds = {
    "events_bounds",
    "select xid::text, id, pg_snapshot_xmin(pg_current_snapshot())::text from events_swept",
};

static const struct pg_statement sweep = {
    "events_sweep",
    "select hum_sweep_events($1::integer, $2::integer)",
};

enum pg_outcome store_event(struct pg *pg, const char *kind, int64_t actor, int64_t subject,
                            struct str data) {
    return RUN(pg, &insert, NULL, TEXT(str_of(kind)), INT(actor), INT(subject), TEXT(data));
}

struct event_row store_event_at(const struct pg_result *rows, size_t row) {
    return (struct event_row){
        .place = {pg_get_int(rows, row, 0), pg_get_int(rows, row, 1)},
        .kind = pg_get_text(rows, row, 2),
        .actor = pg_get_int(rows, row, 3),
        .subject = pg_get_int(rows, row, 4),
        .data = pg_get_text(rows, row, 5),
        .at = pg_get_int(rows, row, 6),
    };
}

enum pg_outcome store_events_after(struct pg *pg, const struct event_place *place, int limit,
                                   struct pg_result **ret_rows) {
    return RUN(pg, &after, ret_rows, INT(place->xid), INT(place->id), INT(limit));
}

enum pg_outcome store_events_bounds(struct pg *pg, struct event_bounds *ret) {
    struct pg_result *rows;

    PG_TRY(pg_run(pg, &bounds, NULL, &rows));
    *ret = (struct event_bounds){
        .swept = {pg_get_int(rows, 0, 0), pg_get_int(rows, 0, 1)},
        .horizon = pg_get_int(rows, 0, 2),
    };
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_events_sweep(struct pg *pg, int days, int limit, int64_t *ret_count) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &sweep, &rows, INT(days), INT(limit)));
    *ret_count = pg_get_int(rows, 0, 0);
    pg_result_free(rows);
    return PG_DONE;
}

const struct pg_statement *const store_events_statements[] = {&insert, &after, &bounds, &sweep};
const size_t store_events_statements_count =
    sizeof store_events_statements / sizeof store_events_statements[0];
