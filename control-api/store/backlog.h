/* What waits in the database. */
#ifndef HUM_STORE_BACKLOG_H
#define HUM_STORE_BACKLOG_H

#include "pg.h"

struct backlog {
    int64_t jobs;
    int64_t oldest_job_ms; /* its age */
    int64_t mails;
    int64_t oldest_mail_ms;
    int64_t mail_requests; /* nobody has looked yet whether they become mails */
    int64_t events;        /* that are kept, an estimate */
    int64_t oldest_event_ms;
};

HUM_MUSTCHECK enum pg_outcome store_backlog(struct pg *pg, struct backlog *ret);

extern const struct pg_statement *const store_backlog_statements[];
extern const size_t store_backlog_statements_count;

#endif
