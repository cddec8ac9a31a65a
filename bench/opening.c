#include "opening.h"

/* The broker's listener holds 100 connections that it has not accepted yet. What comes beyond that
 * the kernel drops and tries again after a second: that would measure its timers. */
#define OPENING_MAX 100
#define PAUSE_NS UINT64_C(100000000)

static bool is_due(const struct client *client, uint64_t now) {
    return client->state == CLIENT_AWAY && now - client->away_since >= PAUSE_NS;
}

/* The next of those that were turned away, round and round; NULL: none is due. */
static struct client *next_away(struct opening *opening, const struct run *run, uint64_t now) {
    for (size_t i = 0; i < opening->next; i++) {
        struct client *client = &run->clients[opening->look++ % opening->next];
        if (is_due(client, now))
            return client;
    }
    return NULL;
}

bool opening_continue(struct opening *opening, struct run *run) {
    uint64_t now = clock_ns();
    while (run->opening < OPENING_MAX && opening->next < run->count) {
        if (!client_open(&run->clients[opening->next++]))
            return false;
    }
    while (run->opening < OPENING_MAX && run->away > 0) {
        struct client *client = next_away(opening, run, now);
        if (client == NULL)
            break;
        if (!client_open(client))
            return false;
    }
    return true;
}
