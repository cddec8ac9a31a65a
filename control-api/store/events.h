/* What happened, for other systems: written in the transaction of the change, read in the order of
 * their transactions. */
#ifndef HUM_STORE_EVENTS_H
#define HUM_STORE_EVENTS_H

#include "pg.h"

/* actor: who did it; subject: whom or what it was done to; 0: none. data: a JSON object; .data
 * NULL: an empty one. */
HUM_MUSTCHECK enum pg_outcome store_event(struct pg *pg, const char *kind, int64_t actor,
                                          int64_t subject, struct str data);

/* Where an event stands in the order that they are read in: by transaction, then by id. */
struct event_place {
    int64_t xid;
    int64_t id;
};

struct event_row {
    struct event_place place;
    struct str kind;
    int64_t actor, subject; /* 0: none */
    struct str data;        /* a JSON object */
    int64_t at;             /* milliseconds since 1970 */
};

struct event_row store_event_at(const struct pg_result *rows, size_t row);

/* The events behind a place, in order, none of a transaction that one still running may come to
 * stand before. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_events_after(struct pg *pg, const struct event_place *after,
                                                 int limit, struct pg_result **ret_rows);

struct event_bounds {
    struct event_place swept; /* up to here, all have been removed */
    int64_t horizon;          /* the oldest transaction that still runs, or the next one */
};
HUM_MUSTCHECK enum pg_outcome store_events_bounds(struct pg *pg, struct event_bounds *ret);

/* Removes the first events that are older than some days, at most limit; ret_count: how many. */
HUM_MUSTCHECK enum pg_outcome store_events_sweep(struct pg *pg, int days, int limit,
                                                 int64_t *ret_count);

extern const struct pg_statement *const store_events_statements[];
extern const size_t store_events_statements_count;

#endif
