#include "limit.h"

/* A bucket that lacks n is full after n times the time that one takes to come, so the two say the
 * same (the "virtual scheduling" of ITU-T I.371's generic cell rate algorithm). */
static int64_t one_us(const struct rate *rate) {
    return (int64_t)rate->period_ms * 1000 / rate->count;
}

static int64_t full_us(const struct limit *limit, int64_t now_ms) {
    return limit->full_us > now_ms * 1000 ? limit->full_us : now_ms * 1000;
}

int64_t limit_wait(const struct limit *limit, int64_t now_ms, const struct rate *rate) {
    int64_t missing_us = full_us(limit, now_ms) - now_ms * 1000 - (rate->burst - 1) * one_us(rate);

    return missing_us > 0 ? (missing_us + 999) / 1000 : 0;
}

int64_t limit_take(struct limit *limit, int64_t now_ms, const struct rate *rate) {
    int64_t wait_ms = limit_wait(limit, now_ms, rate);

    if (wait_ms == 0) {
        limit->full_us = full_us(limit, now_ms) + one_us(rate);
    }
    return wait_ms;
}
