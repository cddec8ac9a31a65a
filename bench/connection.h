/*
 * connection: one non-blocking TCP connection with its buffers, registered with an epoll.
 *
 * What is written to `out` leaves with connection_flush, in one send() where the kernel takes it;
 * the rest goes when epoll says that there is room.
 */
#ifndef HUM_BENCH_CONNECTION_H
#define HUM_BENCH_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mqtt.h"

struct connection {
    int fd;
    int epoll;
    void *owner; /* what epoll hands out for this connection */
    bool waits_for_room;
    uint8_t *in;
    size_t in_cap;
    size_t in_len;
    struct mqtt_out out;
    size_t out_sent;
};

struct connection_config {
    int epoll;
    unsigned port;   /* of the broker, on 127.0.0.1 */
    unsigned source; /* chooses one of several addresses of this machine, each with its own ports */
    size_t in_cap;   /* bytes of the buffers */
    size_t out_cap;
};

/* All return NULL, or what went wrong (a text that stays valid). */

/* Connects (waiting for it: the listener is on this machine) and registers for reading; epoll
 * hands out `owner`. To be closed in either case. */
const char *connection_open(struct connection *connection, const struct connection_config *config,
                            void *owner) __attribute__((warn_unused_result));
/* Reads once, as much as fits; nothing to read is no error. */
const char *connection_fill(struct connection *connection) __attribute__((warn_unused_result));
/* Drops the first `used` bytes of what was read. */
void connection_consume(struct connection *connection, size_t used);
const char *connection_flush(struct connection *connection) __attribute__((warn_unused_result));

void connection_close(struct connection *connection);

#endif
