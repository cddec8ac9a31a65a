#include "mail_requests.h"

#include "run.h"

/* Counting is cheap: they wait for moments. */
static const struct pg_statement add = {
    "mail_request_add",
    "with room as (select count(*) < $4 as free from (select from mail_requests limit $4) m), "
    "added as (insert into mail_requests (kind, address, user_id, quiet) "
    " select $1, $2, nullif($3::bigint, 0), $5::integer = 0 from room where free) "
    "select free from room",
};

static const struct pg_statement take = {
    "mail_request_take",
    "delete from mail_requests where id = (select min(id) from mail_requests) "
    "returning id, kind, address, registration_id, user_id, quiet",
};

static const struct pg_statement drop = {
    "mail_request_drop",
    "delete from mail_requests where id = $1",
};

static const struct pg_statement void_all = {
    "mail_requests_void",
    "delete from mail_requests where user_id = $1",
};

static const struct pg_statement sweep = {
    "mail_requests_sweep",
    "delete from mail_requests where id in (select id from mail_requests "
    "where created_at < now() - interval '1 day' order by id limit $1)",
};

enum pg_outcome store_mail_request_add(struct pg *pg, enum asked_mail kind, struct str address,
                                       int64_t user, bool send, bool *ret_added) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &add, &rows, INT(kind), TEXT(address), INT(user), INT(MAIL_REQUESTS_MAX),
               INT(send)));
    *ret_added = pg_get_int(rows, 0, 0) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_mail_request_take(struct pg *pg, struct mail_request *ret) {
    struct pg_result *rows;

    *ret = (struct mail_request){0};
    PG_TRY(pg_run(pg, &take, NULL, &rows));
    if (pg_rows(rows) == 0) {
        pg_result_free(rows);
        return PG_DONE;
    }
    *ret = (struct mail_request){
        .id = pg_get_int(rows, 0, 0),
        .kind = (enum asked_mail)pg_get_int(rows, 0, 1),
        .address = pg_get_text(rows, 0, 2),
        .registration = pg_get_int(rows, 0, 3),
        .user = pg_get_int(rows, 0, 4),
        .quiet = pg_get_int(rows, 0, 5) != 0,
        .rows = rows,
    };
    return PG_DONE;
}

enum pg_outcome store_mail_request_drop(struct pg *pg, int64_t id) {
    return RUN(pg, &drop, NULL, INT(id));
}

enum pg_outcome store_mail_requests_void(struct pg *pg, int64_t user) {
    return RUN(pg, &void_all, NULL, INT(user));
}

enum pg_outcome store_mail_requests_sweep(struct pg *pg, int limit) {
    return RUN(pg, &sweep, NULL, INT(limit));
}

const struct pg_statement *const store_mail_requests_statements[] = {&add, &take, &drop, &void_all,
                                                                     &sweep};
const size_t store_mail_requests_statements_count =
    sizeof store_mail_requests_statements / sizeof store_mail_requests_statements[0];
