#include "services.h"

#include "run.h"

static const struct pg_statement find = {
    "service_find",
    "select id, last_used_at is null or last_used_at < now() - interval '1 minute' "
    "from service_tokens where hash = $1::bytea and revoked_at is null",
};

static const struct pg_statement used = {
    "service_used",
    "update service_tokens set last_used_at = now() where id = $1",
};

enum pg_outcome store_service_find(struct pg *pg, struct str hash, int64_t *ret_id) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &find, &rows, BYTES(hash)));
    int64_t id = pg_rows(rows) > 0 ? pg_get_int(rows, 0, 0) : 0;
    bool is_due = pg_rows(rows) > 0 && pg_get_int(rows, 0, 1) != 0;
    pg_result_free(rows);
    if (is_due) {
        PG_TRY(RUN(pg, &used, NULL, INT(id)));
    }
    *ret_id = id;
    return PG_DONE;
}

const struct pg_statement *const store_services_statements[] = {&find, &used};
const size_t store_services_statements_count =
    sizeof store_services_statements / sizeof store_services_statements[0];
