/*
 * options: the command line of hum-load.
 */
#ifndef HUM_BENCH_OPTIONS_H
#define HUM_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "shape.h"

struct options {
    bool hum; /* else raw: publish straight to the topic that is read */
    const struct shape *shape;
    const char *credentials;
    unsigned port;
    unsigned window; /* messages in flight a sender */
    unsigned warmup_s;
    unsigned seconds;
    unsigned messages; /* measured at most; 0: as many as the seconds allow */
};

/* False: a line on stderr says what is wrong. Ends the process for --help. */
bool options_read(struct options *options, int argc, char **argv)
    __attribute__((warn_unused_result));

#endif
