#include "backlog.h"

/* Of events there may be millions: PostgreSQL's own estimate has to do. An id says when it was made
 * (sql/0001_ids.sql). */
static const struct pg_statement get = {
    "backlog_get",
    "select j.count, coalesce(n.ms - (j.first >> 22) - 1704067200000, 0), "
    "(select greatest(reltuples, 0)::bigint from pg_class where oid = 'events'::regclass), "
    "coalesce(n.ms - (select (extract(epoch from e.at) * 1000)::bigint from events e, events_swept "
    "s "
    " where (e.xid, e.id) > (s.xid, s.id) order by e.xid, e.id limit 1), 0), "
    "m.count, coalesce(n.ms - (m.first >> 22) - 1704067200000, 0), "
    "(select count(*) from mail_requests) "
    "from (select count(*) as count, min(id) as first from jobs) j, "
    "(select count(*) as count, min(id) as first from mails) m, "
    "(select (extract(epoch from clock_timestamp()) * 1000)::bigint as ms) n",
};

enum pg_outcome store_backlog(struct pg *pg, struct backlog *ret) {
    struct pg_result *rows;
    enum pg_outcome outcome = pg_run(pg, &get, NULL, &rows);

    if (outcome == PG_DONE) {
        *ret = (struct backlog){
            .jobs = pg_get_int(rows, 0, 0),
            .oldest_job_ms = pg_get_int(rows, 0, 1),
            .events = pg_get_int(rows, 0, 2),
            .oldest_event_ms = pg_get_int(rows, 0, 3),
            .mails = pg_get_int(rows, 0, 4),
            .oldest_mail_ms = pg_get_int(rows, 0, 5),
            .mail_requests = pg_get_int(rows, 0, 6),
        };
        pg_result_free(rows);
    }
    return outcome;
}

const struct pg_statement *const store_backlog_statements[] = {&get};
const size_t store_backlog_statements_count =
    sizeof store_backlog_statements / sizeof store_backlog_statements[0];
