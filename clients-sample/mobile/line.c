#include "line.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/tcp.h>
#endif

#include "clock.h"
#include "rest.h"

enum { PACKETS_A_TURN = 256 };

struct line {
    struct mosquitto *client;
    struct line_calls calls;
    void *arg;
    bool up, resumed;
    enum line_end end;
    int64_t heard_at, spoke_at, reads;
    int64_t bytes_in, bytes_out;
};

/* ---- What libmosquitto tells ---- */

/* CONNACK and DISCONNECT codes of MQTT 5 that say: not with these credentials. */
static bool refuses(int code) {
    return code == MQTT_RC_NOT_AUTHORIZED || code == MQTT_RC_BAD_USERNAME_OR_PASSWORD ||
           code == MQTT_RC_BANNED || code == MQTT_RC_CLIENTID_NOT_VALID;
}

static void on_connect(struct mosquitto *client, void *arg, int code, int flags,
                       const mosquitto_property *properties) {
    struct line *line = arg;

    (void)flags;
    (void)properties;
    if (code != 0) {
        line->end = refuses(code) ? LINE_REFUSED : LINE_LOST;
        return;
    }
    line->up = true;
    line->resumed = tls_resumed(mosquitto_ssl_get(client));
    line->calls.up(line->arg);
}

static void on_disconnect(struct mosquitto *client, void *arg, int code,
                          const mosquitto_property *properties) {
    struct line *line = arg;

    (void)client;
    (void)properties;
    if (line->end == LINE_LIVES) {
        line->end = refuses(code) ? LINE_REFUSED : LINE_LOST;
    }
}

static void on_message(struct mosquitto *client, void *arg, const struct mosquitto_message *message,
                       const mosquitto_property *properties) {
    struct line *line = arg;

    (void)client;
    (void)properties;
    if (message->payloadlen >= 0) {
        line->calls.message(line->arg, message->topic, message->payloadlen ? message->payload : "",
                            (size_t)message->payloadlen);
    }
}

static void on_subscribe(struct mosquitto *client, void *arg, int id, int count, const int *codes,
                         const mosquitto_property *properties) {
    struct line *line = arg;

    (void)client;
    (void)properties;
    line->calls.subscribed(line->arg, id, codes, count);
}

static void on_publish(struct mosquitto *client, void *arg, int id, int code,
                       const mosquitto_property *properties) {
    struct line *line = arg;

    (void)client;
    (void)properties;
    line->calls.acknowledged(line->arg, id, code);
}

/* ---- Life ---- */

/* Ours as it is; left alone, libmosquitto would want to set it up, and a file of CAs for that. */
static bool use_context(struct mosquitto *client, SSL_CTX *context) {
    return mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) == 0 &&
           mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, context) == 0;
}

static bool prepare(struct line *line, const struct line_config *config) {
    struct mosquitto *client = line->client;

    mosquitto_connect_v5_callback_set(client, on_connect);
    mosquitto_disconnect_v5_callback_set(client, on_disconnect);
    mosquitto_message_v5_callback_set(client, on_message);
    mosquitto_subscribe_v5_callback_set(client, on_subscribe);
    mosquitto_publish_v5_callback_set(client, on_publish);
    return mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5) == 0 &&
           mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1) == 0 &&
           mosquitto_username_pw_set(client, config->username, config->password) == 0 &&
           (!config->context || use_context(client, config->context));
}

struct line *line_open(const struct line_config *config, const struct line_calls *calls,
                       void *arg) {
    struct line *line = calloc(1, sizeof *line);

    if (!line) {
        return NULL;
    }
    *line = (struct line){.calls = *calls, .arg = arg, .heard_at = clock_steady_ms()};
    line->spoke_at = line->heard_at;
    line->client = mosquitto_new(config->client_id, true, line);
    if (!line->client || !prepare(line, config) ||
        mosquitto_connect_async(line->client, config->address, config->port, config->keepalive_s) >
            0 ||
        line_socket(line) < 0) {
        line_close(line);
        return NULL;
    }
    return line;
}

void line_close(struct line *line) {
    if (!line) {
        return;
    }
    line->end = LINE_LOST;
    if (line->client) {
        if (line->up && line_socket(line) >= 0) {
            (void)mosquitto_disconnect(line->client);
        }
        mosquitto_destroy(line->client);
    }
    free(line);
}

/* ---- The socket ---- */

int line_socket(const struct line *line) { return mosquitto_socket(line->client); }

static bool shaking_hands(const struct line *line) {
    return !tls_ready(mosquitto_ssl_get(line->client));
}

/* While TLS is being set up, libmosquitto's own word is not to be relied upon: it goes on asking
 * for a writable socket when it waits for the server. */
unsigned line_wanted(const struct line *line) {
    if (shaking_hands(line)) {
        const SSL *ssl = mosquitto_ssl_get(line->client);

        return SSL_want_write(ssl) || SSL_want_nothing(ssl) ? REST_WRITE : REST_READ;
    }
    return REST_READ | (mosquitto_want_write(line->client) ? REST_WRITE : 0);
}

/* A connection that failed before TLS was there is not noticed by libmosquitto. */
static bool broken(const struct line *line) {
    int error = 0;
    socklen_t size = sizeof error;
    char byte;
    int fd = line_socket(line);

    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        return true;
    }
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR &&
                        errno != ENOTCONN);
}

static void count_bytes(struct line *line) {
#ifdef __linux__
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int fd = line_socket(line);

    if (fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) {
        line->bytes_in = (int64_t)info.tcpi_bytes_received;
        line->bytes_out = (int64_t)info.tcpi_bytes_acked;
    }
#else
    (void)line;
#endif
}

static void read_packets(struct line *line) {
    for (int i = 0; i < PACKETS_A_TURN && line->end == LINE_LIVES; i++) {
        errno = 0;
        if (mosquitto_loop_read(line->client, 1) != MOSQ_ERR_SUCCESS) {
            line->end = line->end == LINE_LIVES ? LINE_LOST : line->end;
            return;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK || line_socket(line) < 0 ||
            shaking_hands(line)) {
            return;
        }
    }
}

void line_turn(struct line *line, unsigned ready) {
    bool hands = shaking_hands(line);

    if (ready) {
        count_bytes(line);
    }
    if (hands && ready && broken(line)) {
        line->end = LINE_LOST;
        return;
    }
    if (ready & REST_READ || (hands && ready)) {
        line->heard_at = clock_steady_ms();
        line->reads++;
        read_packets(line);
    }
    if (line->end == LINE_LIVES && line_socket(line) >= 0 && !shaking_hands(line) &&
        mosquitto_want_write(line->client) &&
        mosquitto_loop_write(line->client, 1) != MOSQ_ERR_SUCCESS) {
        line->end = line->end == LINE_LIVES ? LINE_LOST : line->end;
    }
    if (line->end == LINE_LIVES && line_socket(line) < 0) {
        line->end = LINE_LOST;
    }
    if (ready) {
        count_bytes(line);
    }
}

enum line_end line_ended(const struct line *line) { return line->end; }

/* ---- What is sent ---- */

static bool may_speak(const struct line *line) {
    return line->up && line->end == LINE_LIVES && line_socket(line) >= 0;
}

int line_subscribe(struct line *line, char *const *filters, int count) {
    int id = 0;

    if (!may_speak(line) ||
        mosquitto_subscribe_multiple(line->client, &id, count, filters, 1, MQTT_SUB_OPT_NO_LOCAL,
                                     NULL) != MOSQ_ERR_SUCCESS) {
        return 0;
    }
    line->spoke_at = clock_steady_ms();
    return id;
}

bool line_unsubscribe(struct line *line, char *const *filters, int count) {
    if (!may_speak(line)) {
        return false;
    }
    line->spoke_at = clock_steady_ms();
    return mosquitto_unsubscribe_multiple(line->client, NULL, count, filters, NULL) ==
           MOSQ_ERR_SUCCESS;
}

int line_publish(struct line *line, const char *topic, const char *payload, int qos) {
    int id = 0;

    if (!may_speak(line) || mosquitto_publish_v5(line->client, &id, topic, (int)strlen(payload),
                                                 payload, qos, false, NULL) != MOSQ_ERR_SUCCESS) {
        return 0;
    }
    line->spoke_at = clock_steady_ms();
    return id;
}

/* libmosquitto pings after the keep-alive that CONNECT named, and only then; the interval here is
 * one that changes while the connection lasts. PINGREQ is two bytes, and fits between packets. */
bool line_ping(struct line *line) {
    static const unsigned char request[2] = {0xC0, 0x00};
    SSL *ssl = mosquitto_ssl_get(line->client);

    if (!may_speak(line) || mosquitto_want_write(line->client)) {
        return false;
    }
    int sent = ssl ? SSL_write(ssl, request, (int)sizeof request)
                   : (int)send(line_socket(line), request, sizeof request, MSG_NOSIGNAL);
    if (sent != (int)sizeof request) {
        line->end = LINE_LOST; /* two bytes that do not fit: nothing has gone out for long */
        return false;
    }
    line->spoke_at = clock_steady_ms();
    return true;
}

int64_t line_heard_at(const struct line *line) { return line->heard_at; }

int64_t line_spoke_at(const struct line *line) { return line->spoke_at; }

int64_t line_reads(const struct line *line) { return line->reads; }

bool line_resumed(const struct line *line) { return line->resumed; }

void line_bytes(const struct line *line, int64_t *ret_in, int64_t *ret_out) {
    *ret_in = line->bytes_in;
    *ret_out = line->bytes_out;
}
