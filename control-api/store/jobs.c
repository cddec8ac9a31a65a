#include "jobs.h"

#include "message.h"
#include "run.h"

static const struct pg_statement insert = {
    "job_insert",
    "insert into jobs (kind, room_id, actor_id, data) values ($1, $2, $3, $4::text::jsonb)",
};

static const struct pg_statement take = {
    "job_take",
    "select id, kind, room_id, told from jobs where run_at <= now() order by run_at, id limit $1 "
    "for update skip locked",
};

/* Who did it need not be told. The batch has what hum_append wants in parallel arrays. */
static const struct pg_statement tell = {
    "job_tell",
    "with job as (select * from jobs where id = $1), "
    "next as materialized ("
    " (select m.user_id from job, server_members m where $2 = 1 and m.server_id = job.room_id "
    "  and m.user_id > job.told_upto order by m.user_id limit $3) "
    " union all "
    " (select m.user_id from job, channel_members m where $2 = 2 and m.channel_id = job.room_id "
    "  and m.user_id > job.told_upto order by m.user_id limit $3) "
    " union all "
    " (select f.id from job, unnest(job.tell) f(id) where $2 = 3 and f.id > job.told_upto "
    "  order by f.id limit $3)), "
    "batch as (select array_agg(n.user_id order by n.user_id) as users, count(*)::integer as count "
    " from next n, job where n.user_id <> job.actor_id), "
    "told as (select b.users[a.ord] as user_id, a.seq from job, batch b, lateral hum_append("
    " $4::smallint, b.users, array_fill(null::bigint, array[b.count]), "
    " array_fill(null::text, array[b.count]), array_fill(null::uuid, array[b.count]), "
    " array_fill(null::text, array[b.count]), array_fill(null::bigint, array[b.count]), "
    " array_fill(job.data, array[b.count]), false, true) a where b.count > 0 and a.status = 0), "
    "event as (insert into events (kind, actor_id, subject_id, data) "
    " select 'NotificationSent', job.actor_id, t.user_id, "
    " jsonb_build_object('kind', $5::text, 'seq', t.seq) from job, told t), "
    "notice as (select count(pg_notify('hum', 'room ' || user_id || ' ' || seq)) from told), "
    "moved as (update jobs set told_upto = n.top from (select max(user_id) as top from next) n "
    " where jobs.id = $1 and n.top is not null) "
    "select count(*), (select * from notice) from next",
};

static const struct pg_statement told = {
    "job_told",
    "update jobs set told = true where id = $1",
};

static const struct pg_statement purge = {"job_purge", "select hum_purge($1, $2::integer)"};

/* A pause is at most 300 s. */
static const struct pg_statement recall = {
    "job_recall",
    "update jobs set run_at = now() where run_at > now() + interval '10 minutes'",
};

static const struct pg_statement again = {
    "job_again",
    "update jobs set run_at = clock_timestamp(), attempts = 0 where id = $1",
};

static const struct pg_statement failed = {
    "job_failed",
    "update jobs set attempts = attempts + 1, "
    "run_at = clock_timestamp() + least(power(2, least(attempts, 10)), 300) * interval '1 second' "
    "where id = $1",
};

static const struct pg_statement done = {"job_done", "delete from jobs where id = $1"};

enum pg_outcome store_job_insert(struct pg *pg, enum job_kind kind, int64_t room, int64_t actor,
                                 struct str data) {
    return RUN(pg, &insert, NULL, INT(kind), INT(room), INT(actor), TEXT(data));
}

enum pg_outcome store_job_take(struct pg *pg, struct left_job *ret) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &take, &rows, INT(1)));
    *ret = (struct left_job){0};
    if (pg_rows(rows) > 0) {
        *ret = (struct left_job){
            .id = pg_get_int(rows, 0, 0),
            .kind = (int)pg_get_int(rows, 0, 1),
            .room = pg_get_int(rows, 0, 2),
            .told = pg_get_int(rows, 0, 3) != 0,
        };
    }
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_jobs_recall(struct pg *pg) { return pg_run(pg, &recall, NULL, NULL); }

enum pg_outcome store_job_tell(struct pg *pg, const struct left_job *job, int limit,
                               int64_t *ret_count) {
    static const enum message_kind kinds[] = {
        [JOB_SERVER_GONE] = MESSAGE_SERVER_REMOVED,
        [JOB_CHANNEL_GONE] = MESSAGE_CHANNEL_REMOVED,
        [JOB_USER_ERASED] = MESSAGE_FRIEND_REMOVED,
    };
    enum message_kind kind = kinds[job->kind];
    struct pg_result *rows;

    PG_TRY(RUN(pg, &tell, &rows, INT(job->id), INT(job->kind), INT(limit), INT(kind),
               TEXT(str_of(message_kind_name(kind)))));
    *ret_count = pg_get_int(rows, 0, 0);
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_job_told(struct pg *pg, int64_t job) {
    return RUN(pg, &told, NULL, INT(job));
}

enum pg_outcome store_job_purge(struct pg *pg, int64_t room, int limit, bool *ret_more) {
    struct pg_result *rows;

    PG_TRY(RUN(pg, &purge, &rows, INT(room), INT(limit)));
    *ret_more = pg_get_int(rows, 0, 0) != 0;
    pg_result_free(rows);
    return PG_DONE;
}

enum pg_outcome store_job_again(struct pg *pg, int64_t job) {
    return RUN(pg, &again, NULL, INT(job));
}

enum pg_outcome store_job_failed(struct pg *pg, int64_t job) {
    return RUN(pg, &failed, NULL, INT(job));
}

enum pg_outcome store_job_done(struct pg *pg, int64_t job) {
    return RUN(pg, &done, NULL, INT(job));
}

const struct pg_statement *const store_jobs_statements[] = {
    &insert, &take, &tell, &told, &purge, &recall, &again, &failed, &done,
};
const size_t store_jobs_statements_count =
    sizeof store_jobs_statements / sizeof store_jobs_statements[0];
