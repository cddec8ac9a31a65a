/* The outbox: what happened, in an order in which nothing turns up later before what was read. */
#ifndef HUM_DOMAIN_EVENTS_H
#define HUM_DOMAIN_EVENTS_H

#include "store/events.h"

enum { EVENTS_PIECE = 500 }; /* rows that one transaction removes */

/* after: the place of the last event that was read; NULL: from the oldest one that is kept.
 * HUM_EVENTS_EXPIRED: of what comes after it some is kept no more; HUM_INVALID_REQUEST: no event
 * that anybody can have read stands there. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum hum_status events_read(struct pg *pg, const struct event_place *after, int limit,
                                          struct pg_result **ret_rows);

/* Removes a piece of what is older than some days. ret_more: there may be more. */
HUM_MUSTCHECK enum hum_status events_sweep(struct pg *pg, int days, bool *ret_more);

#endif
