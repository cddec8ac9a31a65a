#include "jobs.h"

#include "events.h"
#include "store/invites.h"
#include "store/jobs.h"
#include "store/mails.h"
#include "store/registrations.h"
#include "store/run.h"
#include "store/sessions.h"
#include "tx.h"

static enum pg_outcome tell(struct pg *pg, const struct left_job *job) {
    int64_t count;

    PG_TRY(store_job_tell(pg, job, JOB_PIECE, &count));
    if (count < JOB_PIECE) {
        PG_TRY(store_job_told(pg, job->id));
    }
    return store_job_again(pg, job->id);
}

static enum pg_outcome purge(struct pg *pg, const struct left_job *job) {
    bool more;

    PG_TRY(store_job_purge(pg, job->room, JOB_PIECE, &more));
    return more ? store_job_again(pg, job->id) : store_job_done(pg, job->id);
}

static enum pg_outcome step_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    struct left_job *job = arg;

    (void)ret_status;
    PG_TRY(store_job_take(pg, job));
    if (job->id == 0) {
        return store_jobs_recall(pg);
    }
    return job->told ? purge(pg, job) : tell(pg, job);
}

static enum pg_outcome failed_work(struct pg *pg, void *arg, enum hum_status *ret_status) {
    const struct left_job *job = arg;

    (void)ret_status;
    return store_job_failed(pg, job->id);
}

enum hum_status jobs_step(struct pg *pg, bool *ret_worked) {
    struct left_job job = {0};
    enum hum_status status = tx_run(pg, step_work, &job);

    *ret_worked = job.id != 0;
    if (status != HUM_OK && job.id != 0 && !pg_lost(pg)) {
        enum hum_status later = tx_run(pg, failed_work, &job);

        return later == HUM_OK ? status : later;
    }
    return status;
}

enum hum_status jobs_sweep(struct pg *pg, int events_days, bool *ret_more) {
    enum hum_status codes = tx_status(store_codes_sweep(pg, JOB_PIECE));
    enum hum_status tokens = tx_status(store_mail_tokens_sweep(pg, JOB_PIECE));
    enum hum_status registrations = tx_status(store_registrations_sweep(pg, JOB_PIECE));
    enum hum_status sessions = tx_status(store_sessions_sweep(pg, JOB_PIECE));
    enum hum_status events = events_sweep(pg, events_days, ret_more);

    codes = codes != HUM_OK ? codes : tokens;
    codes = codes != HUM_OK ? codes : sessions;
    return codes != HUM_OK ? codes : registrations != HUM_OK ? registrations : events;
}
