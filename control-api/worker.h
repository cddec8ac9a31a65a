/* The thread that does what was left for later, beside the requests and without slowing them. */
#ifndef HUM_WORKER_H
#define HUM_WORKER_H

#include "pool.h"
#include "seen.h"

struct worker;

/* Gets one line when a job has failed. Worker thread. */
typedef void (*worker_report_fn)(const char *line);

/* pool: for the worker alone; must outlive it. events_days: how long events are kept. mail_on:
 * whether it looks for mails that are asked for. seen: whose notes it writes down. HUM_INTERNAL: no
 * memory or no thread. */
HUM_MUSTCHECK enum hum_status worker_start(struct pool *pool, int events_days, bool mail_on,
                                           struct seen *seen, worker_report_fn report,
                                           struct worker **ret_worker);
/* Cuts the piece that is under way off: it is done anew another time. NULL is fine. */
void worker_stop(struct worker *worker);

#endif
