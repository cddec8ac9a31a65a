/*
 * opening: brings the clients in, so many at a time, and again those that were turned away.
 */
#ifndef HUM_BENCH_OPENING_H
#define HUM_BENCH_OPENING_H

#include <stdbool.h>
#include <stddef.h>

#include "client.h"

struct opening {
    size_t next; /* the first client that was never opened */
    size_t look; /* where to look next for one that was turned away */
};

/* Opens as many as may be. False: the run is over, see run->problem. */
bool opening_continue(struct opening *opening, struct run *run) __attribute__((warn_unused_result));

#endif
