#include "seen.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 4, SETS = SEEN_SLOTS / WAYS };

struct slot {
    int64_t session; /* 0: empty */
    int64_t noted_ms;
};

struct seen {
    pthread_mutex_t lock;
    size_t waiting_count;
    int64_t waiting[SEEN_WAITING_MAX];
    struct slot slots[SETS][WAYS];
};

enum hum_status seen_new(struct seen **ret_seen) {
    struct seen *seen = calloc(1, sizeof *seen);

    if (!seen) {
        return HUM_INTERNAL;
    }
    pthread_mutex_init(&seen->lock, NULL);
    *ret_seen = seen;
    return HUM_OK;
}

void seen_free(struct seen *seen) {
    if (seen) {
        pthread_mutex_destroy(&seen->lock);
        free(seen);
    }
}

/* Ids count up: multiplied by a large odd number their upper bits are spread (Fibonacci hashing).
 */
static struct slot *set_of(struct seen *seen, int64_t session) {
    return seen->slots[((uint64_t)session * UINT64_C(0x9e3779b97f4a7c15) >> 32) % SETS];
}

/* The session's, an empty one, or the one that was noted longest ago. */
static struct slot *find(struct slot *set, int64_t session) {
    struct slot *found = &set[0];

    for (int i = 0; i < WAYS; i++) {
        if (set[i].session == session) {
            return &set[i];
        }
        if (set[i].noted_ms < found->noted_ms) {
            found = &set[i];
        }
    }
    return found;
}

/* A clock that has stepped back must not keep a session from being noted. */
static bool is_due(const struct slot *slot, int64_t session, int64_t now_ms) {
    int64_t age = now_ms - slot->noted_ms;

    return slot->session != session || age < 0 || age >= SEEN_EVERY_MS;
}

void seen_note(struct seen *seen, int64_t session, int64_t now_ms) {
    pthread_mutex_lock(&seen->lock);
    struct slot *slot = find(set_of(seen, session), session);
    if (is_due(slot, session, now_ms) && seen->waiting_count < SEEN_WAITING_MAX) {
        *slot = (struct slot){session, now_ms};
        seen->waiting[seen->waiting_count++] = session;
    }
    pthread_mutex_unlock(&seen->lock);
}

size_t seen_take(struct seen *seen, int64_t *ret_sessions, size_t max) {
    pthread_mutex_lock(&seen->lock);
    size_t count = seen->waiting_count < max ? seen->waiting_count : max;
    seen->waiting_count -= count;
    memcpy(ret_sessions, seen->waiting + seen->waiting_count, count * sizeof ret_sessions[0]);
    pthread_mutex_unlock(&seen->lock);
    return count;
}
