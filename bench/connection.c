#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOURCES 16

static const char *watch(struct connection *connection, int operation, bool for_room) {
    struct epoll_event event = {
        .events = EPOLLIN | (for_room ? (uint32_t)EPOLLOUT : 0U),
        .data.ptr = connection->owner,
    };
    connection->waits_for_room = for_room;
    if (epoll_ctl(connection->epoll, operation, connection->fd, &event) != 0)
        return strerror(errno);
    return NULL;
}

/* An address of its own for every few clients: one has 28,000 ports, and a port that was closed is
 * not free again for a minute. It is chosen when the peer is known, not for all peers at once. */
static bool bind_source(int fd, unsigned source) {
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl((127U << 24) + 256 + 1 + source % SOURCES),
    };
    return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int)) == 0 &&
           bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool connect_broker(int fd, unsigned port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

const char *connection_open(struct connection *connection, const struct connection_config *config,
                            void *owner) {
    *connection = (struct connection){
        .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
        .epoll = config->epoll,
        .owner = owner,
        .in = malloc(config->in_cap),
        .in_cap = config->in_cap,
        .out = {.data = malloc(config->out_cap), .cap = config->out_cap},
    };
    int fd = connection->fd;
    if (connection->in == NULL || connection->out.data == NULL)
        return "out of memory";
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0 ||
        !bind_source(fd, config->source) || !connect_broker(fd, config->port) ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return strerror(errno);
    return watch(connection, EPOLL_CTL_ADD, false);
}

const char *connection_fill(struct connection *connection) {
    size_t room = connection->in_cap - connection->in_len;
    if (room == 0)
        return "a packet larger than the buffer came";
    ssize_t got = recv(connection->fd, connection->in + connection->in_len, room, 0);
    if (got > 0) {
        connection->in_len += (size_t)got;
        return NULL;
    }
    if (got == 0)
        return "the broker closed the connection";
    return errno == EAGAIN || errno == EINTR ? NULL : strerror(errno);
}

void connection_consume(struct connection *connection, size_t used) {
    connection->in_len -= used;
    if (used > 0 && connection->in_len > 0)
        memmove(connection->in, connection->in + used, connection->in_len);
}

const char *connection_flush(struct connection *connection) {
    struct mqtt_out *out = &connection->out;
    if (out->overflow)
        return "the broker does not read what it is sent";
    while (connection->out_sent < out->len) {
        ssize_t sent = send(connection->fd, out->data + connection->out_sent,
                            out->len - connection->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            return connection->waits_for_room ? NULL : watch(connection, EPOLL_CTL_MOD, true);
        if (sent < 0)
            return strerror(errno);
        connection->out_sent += (size_t)sent;
    }
    out->len = connection->out_sent = 0;
    return connection->waits_for_room ? watch(connection, EPOLL_CTL_MOD, false) : NULL;
}

void connection_close(struct connection *connection) {
    if (connection->fd >= 0)
        close(connection->fd);
    free(connection->in);
    free(connection->out.data);
    *connection = (struct connection){.fd = -1};
}
