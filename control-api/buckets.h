/* A bounded table of token buckets, by keys that nobody outside can choose. A key that is not there
 * has a full bucket, and a bucket that is full again is not kept. Where more are wanted than there
 * is room for, the one that is full soonest makes room: of those that wait, the one who has taken
 * least. One thread at a time. */
#ifndef HUM_BUCKETS_H
#define HUM_BUCKETS_H

#include <stddef.h>

#include "limit.h"
#include "status.h"

struct buckets;

/* slots: a power of two, at least 8; 16 bytes each. HUM_INTERNAL: no memory. */
HUM_MUSTCHECK enum hum_status buckets_new(size_t slots, struct buckets **ret_buckets);
/* NULL is fine. */
void buckets_free(struct buckets *buckets);
/* limit_wait of the key's bucket. */
int64_t buckets_wait(const struct buckets *buckets, uint64_t key, int64_t now_ms,
                     const struct rate *rate);
/* limit_take of the key's bucket. All of a table are used with one rate. */
int64_t buckets_take(struct buckets *buckets, uint64_t key, int64_t now_ms,
                     const struct rate *rate);
/* How many buckets that were not full had to make room. */
uint64_t buckets_evicted(const struct buckets *buckets);

#endif
