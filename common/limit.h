/* A token bucket: so many in a time, so many at once. Pure; one owner. */
#ifndef HUM_LIMIT_H
#define HUM_LIMIT_H

#include <stdint.h>

struct rate {
    int32_t count;     /* so many … */
    int32_t period_ms; /* … in this time */
    int32_t burst;     /* and so many at once */
};

/* When all of it is there again, on a steady clock, in µs: all that there is to know of a bucket.
 * One of the past, as 0, is full, which makes an empty struct a new bucket. */
struct limit {
    int64_t full_us;
};

/* Takes nothing. 0: one is there; else the milliseconds until one is. */
int64_t limit_wait(const struct limit *limit, int64_t now_ms, const struct rate *rate);
/* Takes one. 0: it was there; else the milliseconds until one is. */
int64_t limit_take(struct limit *limit, int64_t now_ms, const struct rate *rate);

#endif
