/* One MQTT 5 connection, from its opening to its end, without ever waiting: the caller's loop waits
 * for its socket. Its functions are called from line_turn; they may call everything here but
 * line_close.
 *
 * The library's thread only.
 */
#ifndef HUM_MOBILE_LINE_H
#define HUM_MOBILE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls.h"

enum {
    LINE_PACKET_MAX = 60000, /* bytes of filters in a SUBSCRIBE; the broker's bound is 65,536 */
    LINE_FILTER_MAX = 128,
};

struct line;

struct line_config {
    const char *address; /* digits */
    int port;
    SSL_CTX *context; /* NULL: no TLS */
    const char *client_id, *username, *password;
    int keepalive_s;
};

struct line_calls {
    void (*up)(void *arg); /* CONNACK: one is let in */
    /* payload ends in a NUL that is not counted */
    void (*message)(void *arg, const char *topic, const char *payload, size_t length);
    void (*subscribed)(void *arg, int id, const int *codes, int count);
    void (*acknowledged)(void *arg, int id, int code); /* of QoS 1; from 128 on: refused */
};

/* Begins to connect. NULL: no memory, or no way there. */
struct line *line_open(const struct line_config *config, const struct line_calls *calls, void *arg);
/* Says goodbye when it can be said at once. NULL is taken. */
void line_close(struct line *line);

int line_socket(const struct line *line);      /* -1: none any more */
unsigned line_wanted(const struct line *line); /* REST_READ, REST_WRITE */
void line_turn(struct line *line, unsigned ready);

enum line_end {
    LINE_LIVES,
    LINE_LOST,
    LINE_REFUSED, /* the broker does not let this one in (any more) */
};
enum line_end line_ended(const struct line *line);

/* The packet's id, 0: not sent. All filters go in one packet. */
int line_subscribe(struct line *line, char *const *filters, int count);
bool line_unsubscribe(struct line *line, char *const *filters, int count);
int line_publish(struct line *line, const char *topic, const char *payload, int qos);
/* False: not now, something is being written. */
bool line_ping(struct line *line);

/* When something came last, and when something was sent last: clock_steady_ms. How often something
 * has come. */
int64_t line_heard_at(const struct line *line);
int64_t line_spoke_at(const struct line *line);
int64_t line_reads(const struct line *line);
bool line_resumed(const struct line *line);
/* What went over the wire, TLS included, as far as the system tells. */
void line_bytes(const struct line *line, int64_t *ret_in, int64_t *ret_out);

#endif
