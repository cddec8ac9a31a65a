/* Work that was left for later, done piece by piece. */
#ifndef HUM_DOMAIN_JOBS_H
#define HUM_DOMAIN_JOBS_H

#include "pg.h"

enum { JOB_PIECE = 500 }; /* rows of a transaction */

/* Does one piece of one job in a transaction of its own: what a crash interrupts is as if it had
 * not begun, and what is committed is never done again. ret_worked: false when nothing waits. Any
 * status but HUM_OK: the piece has failed, and the job is tried again after a pause. */
HUM_MUSTCHECK enum hum_status jobs_step(struct pg *pg, bool *ret_worked);

/* Removes what has expired, a piece of it: invite codes, sessions, what was asked for when signing
 * up, and events of more than some days. ret_more: there may be more. */
HUM_MUSTCHECK enum hum_status jobs_sweep(struct pg *pg, int events_days, bool *ret_more);

#endif
