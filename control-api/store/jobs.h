/* Work that was left for later: what must reach many, or takes long. */
#ifndef HUM_STORE_JOBS_H
#define HUM_STORE_JOBS_H

#include "pg.h"

enum job_kind { JOB_SERVER_GONE = 1, JOB_CHANNEL_GONE = 2, JOB_USER_ERASED = 3 };

struct left_job {
    int64_t id;
    int kind; /* enum job_kind */
    int64_t room;
    bool told;
};

/* data: JSON, what those who are in the room are told. JOB_USER_ERASED is left by hum_erase. */
HUM_MUSTCHECK enum pg_outcome store_job_insert(struct pg *pg, enum job_kind kind, int64_t room,
                                               int64_t actor, struct str data);
/* Takes the job that has waited longest, and locks it until the transaction ends; ret->id is 0 when
 * there is none. Jobs that others have are passed over. */
HUM_MUSTCHECK enum pg_outcome store_job_take(struct pg *pg, struct left_job *ret);
/* Takes back pauses that no job was given: the clock has stepped back since. */
HUM_MUSTCHECK enum pg_outcome store_jobs_recall(struct pg *pg);
/* Tells the next ones of those in the job's room, at most limit, by an entry of their inboxes; the
 * broker is told, too. ret_count: how many. */
HUM_MUSTCHECK enum pg_outcome store_job_tell(struct pg *pg, const struct left_job *job, int limit,
                                             int64_t *ret_count);
/* All have been told. */
HUM_MUSTCHECK enum pg_outcome store_job_told(struct pg *pg, int64_t job);
/* Removes a piece of the job's room: at most limit rows. ret_more: there may be more. */
HUM_MUSTCHECK enum pg_outcome store_job_purge(struct pg *pg, int64_t room, int limit,
                                              bool *ret_more);
/* The job goes on later, behind those that wait now. */
HUM_MUSTCHECK enum pg_outcome store_job_again(struct pg *pg, int64_t job);
/* A piece has failed: the next try comes after a pause, longer every time. */
HUM_MUSTCHECK enum pg_outcome store_job_failed(struct pg *pg, int64_t job);
HUM_MUSTCHECK enum pg_outcome store_job_done(struct pg *pg, int64_t job);

extern const struct pg_statement *const store_jobs_statements[];
extern const size_t store_jobs_statements_count;

#endif
