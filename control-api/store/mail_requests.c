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

/* Whose they are, and who has the address that they name. */
static const struct pg_statement oldest = {
    "mail_request_oldest",
    "select r.id, r.user_id, u.id from (select * from mail_requests order by id limit 1) r "
    "left join users u on lower(u.email) = lower(r.address)",
};

/* In an order, since the other way round may be on its way too. */
static const struct pg_statement hold = {
    "mail_request_hold",
    "select from users where id in ($1, $2) order by id for no key update",
};

static const struct pg_statement take = {
    "mail_request_take",
    "delete from mail_requests where id = $1 returning id, kind, address, registration_id, "
    "user_id, quiet",
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

enum pg_outcome store_mail_request_hold(struct pg *pg, int64_t *ret_id) {
    int64_t user = 0, owner = 0;
    struct pg_result *rows;

    *ret_id = 0;
    PG_TRY(pg_run(pg, &oldest, NULL, &rows));
    if (pg_rows(rows) > 0) {
        *ret_id = pg_get_int(rows, 0, 0);
        user = pg_get_int(rows, 0, 1);
        owner = pg_get_int(rows, 0, 2);
    }
    pg_result_free(rows);
    return user == 0 && owner == 0 ? PG_DONE : RUN(pg, &hold, NULL, INT(user), INT(owner));
}

enum pg_outcome store_mail_request_take(struct pg *pg, int64_t id, struct mail_request *ret) {
    struct pg_result *rows;

    *ret = (struct mail_request){0};
    PG_TRY(RUN(pg, &take, &rows, INT(id)));
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

const struct pg_statement *const store_mail_requests_statements[] = {&add,  &oldest,   &hold, &take,
                                                                     &drop, &void_all, &sweep};
const size_t store_mail_requests_statements_count =
    sizeof store_mail_requests_statements / sizeof store_mail_requests_statements[0];
