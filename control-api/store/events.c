#include "events.h"

#include "run.h"

static const struct pg_statement insert = {
    "event_insert",
    "insert into events (kind, actor_id, subject_id, data) "
    "values ($1::text, nullif($2::bigint, 0), nullif($3::bigint, 0), "
    "coalesce($4::text, '{}')::jsonb)",
};

enum pg_outcome store_event(struct pg *pg, const char *kind, int64_t actor, int64_t subject,
                            struct str data) {
    return RUN(pg, &insert, NULL, TEXT(str_of(kind)), INT(actor), INT(subject), TEXT(data));
}

const struct pg_statement *const store_events_statements[] = {&insert};
const size_t store_events_statements_count =
    sizeof store_events_statements / sizeof store_events_statements[0];
