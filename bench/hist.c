#include "hist.h"

#include <stddef.h>

#define SUB_COUNT (UINT64_C(1) << HIST_SUB_BITS)

/* Below 64 ns a bucket a value; above, the leading bit chooses the group and the next six bits
 * the bucket in it. */
static size_t bucket_of(uint64_t ns) {
    if (ns < SUB_COUNT)
        return (size_t)ns;
    unsigned shift = 63U - (unsigned)__builtin_clzll(ns) - HIST_SUB_BITS;
    size_t bucket = ((size_t)shift << HIST_SUB_BITS) + (size_t)(ns >> shift);
    return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
}

/* The middle of what the bucket holds. */
static uint64_t value_of(size_t bucket) {
    if (bucket < SUB_COUNT)
        return bucket;
    unsigned shift = (unsigned)(bucket >> HIST_SUB_BITS) - 1;
    uint64_t lowest = (SUB_COUNT + (bucket & (SUB_COUNT - 1))) << shift;
    return lowest + ((UINT64_C(1) << shift) >> 1);
}

void hist_record(struct hist *hist, uint64_t ns) {
    hist->count++;
    hist->buckets[bucket_of(ns)]++;
    if (ns > hist->max)
        hist->max = ns;
}

void hist_merge(struct hist *into, const struct hist *from) {
    into->count += from->count;
    if (from->max > into->max)
        into->max = from->max;
    for (size_t i = 0; i < HIST_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t hist_quantile(const struct hist *hist, double q) {
    uint64_t rank = (uint64_t)(q * (double)hist->count);
    uint64_t seen = 0;
    for (size_t i = 0; i < HIST_BUCKETS; i++) {
        seen += hist->buckets[i];
        if (seen > rank) {
            uint64_t value = value_of(i);
            return value < hist->max ? value : hist->max;
        }
    }
    return hist->max;
}
