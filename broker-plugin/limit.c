#include "limit.h"

enum { ONE = 1000 };

/* One token is a thousand thousandths, so a rate a second is as many thousandths a millisecond. */
static void fill(struct limit *limit, int64_t now_ms, int32_t per_second, int32_t burst) {
    int64_t full = (int64_t)burst * ONE;
    int64_t passed = now_ms - limit->at_ms;

    if (limit->at_ms == 0 || passed >= full / per_second) {
        limit->thousandths = (int32_t)full;
    } else if (passed > 0) {
        int64_t filled = limit->thousandths + passed * per_second;

        limit->thousandths = (int32_t)(filled < full ? filled : full);
    }
    limit->at_ms = now_ms;
}

int64_t limit_take(struct limit *limit, int64_t now_ms, int32_t per_second, int32_t burst) {
    fill(limit, now_ms, per_second, burst);
    if (limit->thousandths >= ONE) {
        limit->thousandths -= ONE;
        return 0;
    }
    return (ONE - limit->thousandths + per_second - 1) / per_second;
}
