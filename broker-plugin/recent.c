#include "recent.h"

#include <stdlib.h>

/* Entries in order of arrival, as a ring; chains of entries with the same hash through next. */
struct entry {
    int64_t room;
    unsigned char key[MESSAGE_KEY_LEN];
    uint32_t next; /* index + 1; 0 ends the chain */
};

struct recent {
    struct entry *ring;
    uint32_t *heads; /* index + 1 */
    size_t size;
    size_t used;
    size_t at; /* where the next one goes */
};

struct recent *recent_new(size_t count) {
    struct recent *recent = calloc(1, sizeof *recent);

    if (!recent) {
        return NULL;
    }
    recent->size = count;
    recent->ring = calloc(count, sizeof *recent->ring);
    recent->heads = calloc(count, sizeof *recent->heads);
    if (!recent->ring || !recent->heads) {
        recent_free(recent);
        return NULL;
    }
    return recent;
}

void recent_free(struct recent *recent) {
    if (recent) {
        free(recent->ring);
        free(recent->heads);
        free(recent);
    }
}

/* The keys are hashes already; the room makes equal keys of different rooms differ. */
static uint32_t *head_of(struct recent *recent, int64_t room, const unsigned char *key) {
    uint64_t bits;

    memcpy(&bits, key, sizeof bits);
    bits ^= (uint64_t)room * 0x9e3779b97f4a7c15u;
    return &recent->heads[bits & (recent->size - 1)];
}

static void forget_oldest(struct recent *recent) {
    struct entry *oldest = &recent->ring[recent->at];
    uint32_t index = (uint32_t)recent->at + 1;
    uint32_t *link = head_of(recent, oldest->room, oldest->key);

    while (*link != index) {
        link = &recent->ring[*link - 1].next;
    }
    *link = oldest->next;
}

bool recent_seen(struct recent *recent, int64_t room, const unsigned char key[MESSAGE_KEY_LEN]) {
    for (uint32_t i = *head_of(recent, room, key); i; i = recent->ring[i - 1].next) {
        const struct entry *entry = &recent->ring[i - 1];

        if (entry->room == room && memcmp(entry->key, key, MESSAGE_KEY_LEN) == 0) {
            return true;
        }
    }
    if (recent->used == recent->size) {
        forget_oldest(recent);
    } else {
        recent->used++;
    }
    struct entry *entry = &recent->ring[recent->at];
    uint32_t *head = head_of(recent, room, key);
    entry->room = room;
    memcpy(entry->key, key, MESSAGE_KEY_LEN);
    entry->next = *head;
    *head = (uint32_t)recent->at + 1;
    recent->at = (recent->at + 1) & (recent->size - 1);
    return false;
}
