/* Which sessions were in use, for the worker to write down now and then: a request only leaves a
 * note in memory. A bounded table remembers who was noted lately; one that finds no place there, or
 * is put out by another, is at worst noted more often. Any thread. */
#ifndef HUM_SEEN_H
#define HUM_SEEN_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEEN_EVERY_MS = 5 * 60 * 1000, /* from one note of a session to the next */
    SEEN_SLOTS = 16 * 1024,
    SEEN_WAITING_MAX = 4096, /* notes that were not taken yet; past that none is made */
};

struct seen;

HUM_MUSTCHECK enum hum_status seen_new(struct seen **ret_seen);
/* NULL is fine. */
void seen_free(struct seen *seen);

/* now_ms: since 1970. */
void seen_note(struct seen *seen, int64_t session, int64_t now_ms);
/* Takes up to max notes; how many. */
size_t seen_take(struct seen *seen, int64_t *ret_sessions, size_t max);

#endif
