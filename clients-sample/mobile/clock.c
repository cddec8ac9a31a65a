#include "clock.h"

#include <time.h>

static int64_t now_ms(clockid_t id) {
    struct timespec now = {0};

    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_steady_ms(void) {
#ifdef CLOCK_BOOTTIME
    return now_ms(CLOCK_BOOTTIME);
#else
    return now_ms(CLOCK_MONOTONIC);
#endif
}

int64_t clock_wall_ms(void) { return now_ms(CLOCK_REALTIME); }
