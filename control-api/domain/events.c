#include "events.h"

#include "tx.h"

static bool is_before(const struct event_place *a, const struct event_place *b) {
    return a->xid < b->xid || (a->xid == b->xid && a->id < b->id);
}

static enum hum_status judge(const struct event_place *after, const struct event_bounds *bounds) {
    if (after->xid >= bounds->horizon) {
        return HUM_INVALID_REQUEST;
    }
    return is_before(after, &bounds->swept) ? HUM_EVENTS_EXPIRED : HUM_OK;
}

/* The bounds are looked at once the rows are here: what is swept in between shows in them. */
static enum hum_status read_after(struct pg *pg, const struct event_place *after, int limit,
                                  struct pg_result **ret_rows) {
    struct event_bounds bounds;
    struct pg_result *rows;
    enum hum_status status = tx_status(store_events_after(pg, after, limit, &rows));

    if (status != HUM_OK) {
        return status;
    }
    status = tx_status(store_events_bounds(pg, &bounds));
    if (status == HUM_OK) {
        status = judge(after, &bounds);
    }
    if (status != HUM_OK) {
        pg_result_free(rows);
        return status;
    }
    *ret_rows = rows;
    return HUM_OK;
}

/* From the oldest on: from where the last sweep has ended, or the index would be searched through
 * all that it has not cleaned up yet. */
enum hum_status events_read(struct pg *pg, const struct event_place *after, int limit,
                            struct pg_result **ret_rows) {
    struct event_bounds bounds;

    if (after) {
        return read_after(pg, after, limit, ret_rows);
    }
    enum hum_status status = tx_status(store_events_bounds(pg, &bounds));
    return status == HUM_OK ? tx_status(store_events_after(pg, &bounds.swept, limit, ret_rows))
                            : status;
}

enum hum_status events_sweep(struct pg *pg, int days, bool *ret_more) {
    int64_t count = 0;
    enum hum_status status = tx_status(store_events_sweep(pg, days, EVENTS_PIECE, &count));

    *ret_more = status == HUM_OK && count == EVENTS_PIECE;
    return status;
}
