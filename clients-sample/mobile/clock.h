/* Time. */
#ifndef HUM_MOBILE_CLOCK_H
#define HUM_MOBILE_CLOCK_H

#include <stdint.h>

/* Milliseconds that pass evenly, also while a phone sleeps where the system can tell. */
int64_t clock_steady_ms(void);
/* Milliseconds since 1970 (UTC). */
int64_t clock_wall_ms(void);

#endif
