/* How long a connection may stay silent. Between a phone and the server stand boxes that forget a
 * silent connection after some minutes, each after its own time. A ping costs the battery far more
 * than its two bytes, since the radio stays awake for seconds after it; so the interval starts
 * short, and doubles each time it has held, until it breaks something.
 *
 * Pure: no clock and no memory of its own.
 */
#ifndef HUM_MOBILE_KEEPALIVE_H
#define HUM_MOBILE_KEEPALIVE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    KEEPALIVE_MIN_S = 5,
    KEEPALIVE_FIRST_S = 60,
    KEEPALIVE_MAX_S = 900,         /* the broker's bound */
    KEEPALIVE_HELD = 3,            /* silent intervals that make a longer one worth trying */
    KEEPALIVE_FORGET_MS = 86400000 /* after which a length that broke is tried again */
};

struct keepalive {
    int32_t seconds; /* the interval in use */
    int32_t max;
    int32_t held;       /* how often it has held since it was chosen */
    int32_t ceiling;    /* the shortest that was seen to break; 0: none */
    int64_t ceiling_at; /* when, milliseconds since 1970 */
};

/* seconds, ceiling, ceiling_at: as learnt before, 0 for what is not known; what makes no sense is
 * put right. max: 0 for the greatest. */
void keepalive_init(struct keepalive *keepalive, int32_t max, int32_t seconds, int32_t ceiling,
                    int64_t ceiling_at);
/* A ping after a silent interval was answered. True: the interval is another now. */
bool keepalive_held(struct keepalive *keepalive, int64_t now);
/* A connection was found dead after a silent interval, and the network itself is there. */
void keepalive_broke(struct keepalive *keepalive, int64_t now);

#endif
