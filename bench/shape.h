/*
 * shape: what the clients of a run do, one row each.
 */
#ifndef HUM_BENCH_SHAPE_H
#define HUM_BENCH_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

enum audience {
    AUDIENCE_PAIR,   /* DMs of two, in which both read */
    AUDIENCE_SERVER, /* one room, in which all read and the first client posts */
    AUDIENCE_SELF,   /* everybody's own inbox */
};

struct shape {
    const char *name;
    enum audience audience;
    unsigned senders;  /* 0: every client sends */
    bool silent;       /* nobody sends: the clients are there until standard input ends */
    bool websocket;    /* MQTT over WebSocket */
    bool until_all;    /* in flight until every member has it, not only its sender */
    unsigned window;   /* messages in flight a sender */
    unsigned pause_us; /* before each look at the connections */
    size_t in_cap;     /* bytes of a connection's buffers */
    size_t out_cap;
};

/* NULL: there is none of that name. */
const struct shape *shape_find(const char *name);

#endif
