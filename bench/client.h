/*
 * client: one member of a room. Connects, subscribes, keeps its window of messages in flight full,
 * acknowledges what comes, and checks that nothing is missing, twice or out of order.
 *
 * Functions that return bool: false means that the run is over, and run->problem says why.
 */
#ifndef HUM_BENCH_CLIENT_H
#define HUM_BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connection.h"
#include "credentials.h"
#include "hist.h"
#include "message.h"
#include "shape.h"

/* What all clients share. */
struct run {
    const struct shape *shape;
    bool hum;
    bool sending;   /* keep the windows full */
    bool recording; /* take latencies */
    unsigned window;
    int epoll;
    unsigned port;
    char tag[MESSAGE_TAG_MAX];
    struct client *clients;
    size_t count;
    size_t opening;      /* clients that have connected and have no CONNACK yet */
    size_t ready;        /* clients that may send and are subscribed */
    size_t away;         /* clients that were turned away and are to come again */
    size_t turned_away;  /* connections that were closed before they were ready */
    uint64_t deliveries; /* over all clients and the whole run */
    uint64_t complete;   /* messages that every member has, likewise */
    char problem[1024];
};

enum client_state {
    CLIENT_AWAY,
    CLIENT_UPGRADING,
    CLIENT_OPENING,
    CLIENT_SUBSCRIBING,
    CLIENT_READY
};

struct client {
    enum client_state state;
    unsigned attempts;
    uint64_t away_since;
    struct connection connection;
    size_t framed; /* WebSocket: bytes of the connection's out that are in frames */
    struct run *run;
    const struct credential *who;
    const struct client *peer; /* whose messages come beside its own; NULL: nobody's */
    size_t index;
    size_t members; /* of its room */
    bool sends;
    char send_topic[64];
    char messages_topic[64];
    char errors_topic[64];
    uint64_t sent;        /* own messages: published, */
    uint64_t acked;       /* of these acknowledged, */
    uint64_t own_seen;    /* come back, */
    uint64_t complete;    /* and with every member */
    uint64_t peer_seen;   /* the peer's that came */
    uint64_t last_seq;    /* Hum: of the last message that came; 0 before the first */
    uint64_t *sent_at;    /* of those in flight, ns: [number % window] */
    uint16_t *missing;    /* members that have not got a message: [number % CLIENT_LAG] */
    struct hist *latency; /* publish to no longer in flight, ns; NULL: it does not send */
};

/* A sender waits when a member is this far behind: more than a broker holds for one. */
#define CLIENT_LAG 16384

uint64_t clock_ns(void);

/* To be called once, before any other; `client` is all zero but for run, who, peer, index, members,
 * sends, and its connection's fd of -1. To be closed in any case. */
bool client_prepare(struct client *client) __attribute__((warn_unused_result));
/* Connects. When it is turned away before it is ready, its state becomes CLIENT_AWAY again. */
bool client_open(struct client *client) __attribute__((warn_unused_result));
void client_close(struct client *client);

/* Reads what has come, reacts to it and sends what that calls for. */
bool client_serve(struct client *client) __attribute__((warn_unused_result));
/* Fills the window and sends. */
bool client_top_up(struct client *client) __attribute__((warn_unused_result));
/* Whether all that this client has sent is acknowledged and with every member. */
bool client_is_drained(const struct client *client);

#endif
