/* A token bucket: so many a second, so many at once. Pure; one owner. */
#ifndef HUM_LIMIT_H
#define HUM_LIMIT_H

#include <stdint.h>

struct limit {
    int64_t at_ms; /* of a steady clock, when it was last filled; 0: full */
    int32_t thousandths;
};

/* Takes one. 0: it was there; else the milliseconds until one is. */
int64_t limit_take(struct limit *limit, int64_t now_ms, int32_t per_second, int32_t burst);

#endif
