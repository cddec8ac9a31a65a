#include "limit.h"

/* A bucket that lacks n is full after n times the time that one takes to come, so the two say the
 * same (the "virtual scheduling" of ITU-T I.371's generic cell rate algorithm). */
int64_t limit_take(struct limit *limit, int64_t now_ms, const struct rate *rate) {
    int64_t now_us = now_ms * 1000;
    int64_t one_us = (int64_t)rate->period_ms * 1000 / rate->count;
    int64_t full_us = limit->full_us > now_us ? limit->full_us : now_us;
    int64_t missing_us = full_us + one_us - now_us - rate->burst * one_us;

    if (missing_us > 0) {
        return (missing_us + 999) / 1000;
    }
    limit->full_us = full_us + one_us;
    return 0;
}
