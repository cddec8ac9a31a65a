#include "buckets.h"

#include <stdlib.h>

enum { WAYS = 8 };

struct slot {
    uint64_t key;
    struct limit limit;
};

struct buckets {
    size_t sets;
    uint64_t evicted;
    struct slot slots[];
};

enum hum_status buckets_new(size_t slots, struct buckets **ret_buckets) {
    struct buckets *buckets = calloc(1, sizeof *buckets + slots * sizeof buckets->slots[0]);

    if (!buckets) {
        return HUM_INTERNAL;
    }
    buckets->sets = slots / WAYS;
    *ret_buckets = buckets;
    return HUM_OK;
}

void buckets_free(struct buckets *buckets) { free(buckets); }

static size_t set_of(const struct buckets *buckets, uint64_t key) {
    return (key & (buckets->sets - 1)) * WAYS;
}

/* The slot of the key, else the one whose bucket is full soonest, or already. */
static struct slot *slot_of(struct buckets *buckets, uint64_t key) {
    struct slot *set = &buckets->slots[set_of(buckets, key)];
    struct slot *place = set;

    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        if (set[i].limit.full_us < place->limit.full_us) {
            place = &set[i];
        }
    }
    return place;
}

int64_t buckets_wait(const struct buckets *buckets, uint64_t key, int64_t now_ms,
                     const struct rate *rate) {
    const struct slot *set = &buckets->slots[set_of(buckets, key)];

    for (int i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            return limit_wait(&set[i].limit, now_ms, rate);
        }
    }
    return 0;
}

int64_t buckets_take(struct buckets *buckets, uint64_t key, int64_t now_ms,
                     const struct rate *rate) {
    struct slot *slot = slot_of(buckets, key);

    if (slot->key != key) {
        buckets->evicted += slot->limit.full_us > now_ms * 1000;
        *slot = (struct slot){.key = key};
    }
    return limit_take(&slot->limit, now_ms, rate);
}

uint64_t buckets_evicted(const struct buckets *buckets) { return buckets->evicted; }
