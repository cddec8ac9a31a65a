/*
 * load: runs the clients on one epoll in one thread: connect all, warm up, measure, drain, close.
 */
#ifndef HUM_BENCH_LOAD_H
#define HUM_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credentials.h"
#include "hist.h"
#include "options.h"

struct load_result {
    size_t senders;
    uint64_t measured_ns;
    uint64_t cpu_ns;             /* of this process, while measuring */
    uint64_t messages;           /* with both members, while measuring */
    uint64_t deliveries;         /* while measuring */
    uint64_t messages_whole_run; /* with warming up and draining */
    uint64_t worst_p99_ns;       /* of the sender with the highest */
    struct hist latency;         /* publish to own echo, ns */
};

/* False: a line on stderr says what went wrong, and `result` is untouched. */
bool load_run(const struct options *options, const struct credentials *credentials,
              struct load_result *result) __attribute__((warn_unused_result));

#endif
