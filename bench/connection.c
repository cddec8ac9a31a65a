#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

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

const char *connection_open(struct connection *connection, int epoll, void *owner,
                            const struct sockaddr_in *address) {
    *connection = (struct connection){
        .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
        .epoll = epoll,
        .owner = owner,
        .in = malloc(CONNECTION_IN_CAP),
        .out = {.data = malloc(CONNECTION_OUT_CAP), .cap = CONNECTION_OUT_CAP},
    };
    if (connection->in == NULL || connection->out.data == NULL)
        return "out of memory";
    if (connection->fd < 0 ||
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0 ||
        connect(connection->fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
        fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0)
        return strerror(errno);
    return watch(connection, EPOLL_CTL_ADD, false);
}

const char *connection_fill(struct connection *connection) {
    size_t room = CONNECTION_IN_CAP - connection->in_len;
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
