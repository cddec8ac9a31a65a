/*
 * client: one member of a DM. Connects, subscribes, keeps its window of messages in flight full,
 * acknowledges what comes, and checks that nothing is missing, twice or out of order.
 *
 * Functions that return bool: false means that the run is over, and run->problem says why.
 */
#ifndef HUM_BENCH_CLIENT_H
#define HUM_BENCH_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connection.h"
#include "credentials.h"
#include "hist.h"
#include "message.h"

/* What all clients share. */
struct run {
    bool hum;
    bool sending;   /* keep the windows full */
    bool recording; /* take latencies */
    unsigned window;
    char tag[MESSAGE_TAG_MAX];
    size_t ready;        /* clients that may send and are subscribed */
    uint64_t deliveries; /* over all clients and the whole run */
    char problem[1024];
};

struct client {
    struct connection connection;
    struct run *run;
    const struct credential *who;
    const struct client *peer;
    size_t index;
    bool sends;
    char send_topic[64];
    char messages_topic[64];
    char errors_topic[64];
    uint64_t sent;       /* own messages: published, */
    uint64_t acked;      /* of these acknowledged, */
    uint64_t own_seen;   /* and come back */
    uint64_t peer_seen;  /* the peer's that came */
    uint64_t last_seq;   /* Hum: of the last message that came; 0 before the first */
    uint64_t *sent_at;   /* of those in flight, ns: [number % window] */
    struct hist latency; /* publish to own echo, ns */
};

uint64_t clock_ns(void);

/* `client` may be all zero but for its connection's fd of -1; to be closed in any case. */
bool client_open(struct client *client, int epoll, const struct sockaddr_in *address)
    __attribute__((warn_unused_result));
void client_close(struct client *client);

/* Reads what has come, reacts to it and sends what that calls for. */
bool client_serve(struct client *client) __attribute__((warn_unused_result));
/* Fills the window and sends. */
bool client_top_up(struct client *client) __attribute__((warn_unused_result));
/* Whether all that this client has sent is acknowledged and with both members. */
bool client_is_drained(const struct client *client);

#endif
