#include "jobs.h"

#include "events.h"
#include "store/invites.h"
#include "store/jobs.h"
#include "store/mail_requests.h"
#include "store/mails.h"
#include "store/oauth_codes.h"
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

/* What else has expired, a piece of each. */
static enum pg_outcome (*const sweeps[])(struct pg *pg, int limit) = {
    store_codes_sweep,         store_mail_tokens_sweep, store_oauth_codes_sweep,
    store_registrations_sweep, store_sessions_sweep,    store_mail_requests_sweep,
};

enum hum_status jobs_sweep(struct pg *pg, int events_days, bool *ret_more) {
    enum hum_status status = events_sweep(pg, events_days, ret_more);

    for (size_t i = 0; i < sizeof sweeps / sizeof sweeps[0]; i++) {
        enum hum_status one = tx_status(sweeps[i](pg, JOB_PIECE));

        status = status != HUM_OK ? status : one;
    }
    return status;
}
