/*
 * hist: a latency histogram with logarithmic buckets.
 *
 * Values are nanoseconds. Each power of two is cut into 64 buckets, so a quantile is off by at
 * most 1.6 %. Histograms of several clients add up to one (hist_merge). All zero is a valid,
 * empty histogram.
 */
#ifndef HUM_BENCH_HIST_H
#define HUM_BENCH_HIST_H

#include <stdint.h>

#define HIST_SUB_BITS 6
/* Up to 2^36 ns = 68 s; what is longer counts into the last bucket. */
#define HIST_TOP_BIT 36
#define HIST_BUCKETS ((HIST_TOP_BIT - HIST_SUB_BITS + 1) << HIST_SUB_BITS)

struct hist {
    uint64_t count;
    uint64_t max;
    uint32_t buckets[HIST_BUCKETS];
};

void hist_record(struct hist *hist, uint64_t ns);
void hist_merge(struct hist *into, const struct hist *from);

/* The value below which the share `q` (0 to 1) of all values lies; 0 when there are none. */
uint64_t hist_quantile(const struct hist *hist, double q);

#endif
