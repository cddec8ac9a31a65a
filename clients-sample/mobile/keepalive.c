#include "keepalive.h"

static int32_t between(int32_t low, int32_t value, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

static int32_t first(const struct keepalive *keepalive) {
    return between(KEEPALIVE_MIN_S, KEEPALIVE_FIRST_S, keepalive->max);
}

void keepalive_init(struct keepalive *keepalive, int32_t max, int32_t seconds, int32_t ceiling,
                    int64_t ceiling_at) {
    *keepalive = (struct keepalive){
        .max = max > 0 ? between(KEEPALIVE_MIN_S, max, KEEPALIVE_MAX_S) : KEEPALIVE_MAX_S,
        .ceiling = ceiling > 0 && ceiling <= KEEPALIVE_MAX_S ? ceiling : 0,
        .ceiling_at = ceiling_at,
    };
    keepalive->seconds =
        seconds > 0 ? between(KEEPALIVE_MIN_S, seconds, keepalive->max) : first(keepalive);
}

/* The longest that is worth trying: below what broke, as long as that is remembered. */
static int32_t limit(struct keepalive *keepalive, int64_t now) {
    if (keepalive->ceiling &&
        (now < keepalive->ceiling_at || now - keepalive->ceiling_at >= KEEPALIVE_FORGET_MS)) {
        keepalive->ceiling = 0; /* long ago, or the clock was set back */
    }
    int32_t most =
        keepalive->ceiling ? keepalive->ceiling - keepalive->ceiling / 4 : keepalive->max;
    return between(KEEPALIVE_MIN_S, most, keepalive->max);
}

bool keepalive_held(struct keepalive *keepalive, int64_t now) {
    int32_t longest = limit(keepalive, now);

    if (keepalive->seconds >= longest || ++keepalive->held < KEEPALIVE_HELD) {
        return false;
    }
    keepalive->held = 0;
    keepalive->seconds = between(KEEPALIVE_MIN_S, 2 * keepalive->seconds, longest);
    return true;
}

void keepalive_broke(struct keepalive *keepalive, int64_t now) {
    keepalive->ceiling = keepalive->seconds;
    keepalive->ceiling_at = now;
    keepalive->held = 0;
    keepalive->seconds = between(between(KEEPALIVE_MIN_S, KEEPALIVE_FIRST_S / 2, keepalive->max),
                                 keepalive->seconds / 2, keepalive->max);
}
