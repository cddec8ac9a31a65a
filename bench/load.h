/*
 * load: runs the clients on one epoll in one thread. In the order of the calls: connect all, then
 * either warm up, measure and drain, or hold them; close.
 *
 * Functions that return bool: false means that it is over, and a line on stderr said why.
 */
#ifndef HUM_BENCH_LOAD_H
#define HUM_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credentials.h"
#include "hist.h"
#include "options.h"

struct load;

struct load_opened {
    size_t clients;
    size_t turned_away; /* connections that were closed before they were ready, and came again */
    uint64_t ns;        /* from the first connect to the last SUBACK */
    uint64_t cpu_ns;    /* of this process meanwhile */
};

struct load_result {
    size_t senders;
    uint64_t measured_ns;
    uint64_t cpu_ns;             /* of this process, while measuring */
    uint64_t messages;           /* with every member, while measuring */
    uint64_t deliveries;         /* while measuring */
    uint64_t messages_whole_run; /* with warming up and draining */
    uint64_t worst_p99_ns;       /* of the sender with the highest */
    struct hist latency;         /* publish to no longer in flight, ns */
};

/* NULL: a line on stderr said why. Options and credentials are to outlive it. */
struct load *load_new(const struct options *options, struct credentials *credentials);
void load_free(struct load *load);

bool load_open(struct load *load, struct load_opened *ret) __attribute__((warn_unused_result));
bool load_measure(struct load *load, struct load_result *ret) __attribute__((warn_unused_result));
/* Until standard input ends. */
bool load_hold(struct load *load) __attribute__((warn_unused_result));

#endif
