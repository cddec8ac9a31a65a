#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mqtt.h"
#include "websocket.h"

#define KEEPALIVE_S 900
#define SUBSCRIBE_ID 1
/* A broker that has just started may send a client away until it has loaded what it may do. */
#define ATTEMPTS_MAX 20

uint64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static bool fail(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(struct client *client, const char *format, ...) {
    char reason[768];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    snprintf(client->run->problem, sizeof(client->run->problem), "client %.64s in room %.32s: %s",
             client->who->client_id, client->who->room, reason);
    return false;
}

static bool flush(struct client *client) {
    struct mqtt_out *out = &client->connection.out;
    if (client->run->shape->websocket && client->state != CLIENT_UPGRADING &&
        out->len > client->framed)
        websocket_frame(out, client->framed);
    const char *problem = connection_flush(&client->connection);
    client->framed = out->len;
    return problem == NULL || fail(client, "%s", problem);
}

/* The prefix of the client's room. */
static void write_room(const struct client *client, char room[48]) {
    static const char *const prefixes[] = {
        [AUDIENCE_PAIR] = "dm",
        [AUDIENCE_SERVER] = "server",
        [AUDIENCE_SELF] = "user",
    };
    enum audience audience = client->run->shape->audience;
    snprintf(room, 48, "%s/%.32s", prefixes[audience],
             audience == AUDIENCE_SELF ? client->who->username : client->who->room);
}

bool client_prepare(struct client *client) {
    bool inbox = client->run->shape->audience == AUDIENCE_SELF;
    char room[48];
    write_room(client, room);
    snprintf(client->send_topic, sizeof(client->send_topic), "%s/%s", room,
             client->run->hum ? "send" : "messages");
    snprintf(client->messages_topic, sizeof(client->messages_topic), "%s/%s", room,
             inbox ? "inbox" : "messages");
    snprintf(client->errors_topic, sizeof(client->errors_topic), "user/%.32s/errors",
             client->who->username);
    if (!client->sends)
        return true;
    client->sent_at = calloc(client->run->window, sizeof(*client->sent_at));
    client->missing = calloc(CLIENT_LAG, sizeof(*client->missing));
    client->latency = calloc(1, sizeof(*client->latency));
    return (client->sent_at != NULL && client->missing != NULL && client->latency != NULL) ||
           fail(client, "out of memory");
}

/* CONNECT. */
static bool introduce(struct client *client) {
    client->state = CLIENT_OPENING;
    mqtt_write_connect(&client->connection.out, client->who->client_id, client->who->username,
                       client->who->password, KEEPALIVE_S);
    return flush(client);
}

bool client_open(struct client *client) {
    struct run *run = client->run;
    const struct connection_config config = {
        .epoll = run->epoll,
        .port = run->port,
        .source = (unsigned)client->index,
        .in_cap = run->shape->in_cap,
        .out_cap = run->shape->out_cap,
    };
    if (client->attempts > 0)
        run->away--;
    client->framed = 0;
    client->attempts++;
    run->opening++;
    const char *problem = connection_open(&client->connection, &config, client);
    if (problem != NULL)
        return fail(client, "cannot connect: %s", problem);
    if (!run->shape->websocket)
        return introduce(client);
    client->state = CLIENT_UPGRADING;
    websocket_write_upgrade(&client->connection.out);
    return flush(client);
}

/* The connection has ended, or is of no use. */
static bool turn_away(struct client *client, const char *problem) {
    struct run *run = client->run;
    if (client->state == CLIENT_READY || client->attempts == ATTEMPTS_MAX)
        return fail(client, "%s", problem);
    if (client->state == CLIENT_OPENING || client->state == CLIENT_UPGRADING)
        run->opening--;
    run->away++;
    run->turned_away++;
    client->state = CLIENT_AWAY;
    client->away_since = clock_ns();
    connection_close(&client->connection);
    return true;
}

void client_close(struct client *client) {
    if (client->state == CLIENT_READY) {
        mqtt_write_disconnect(&client->connection.out);
        bool ignored = flush(client);
        (void)ignored;
    }
    connection_close(&client->connection);
    free(client->sent_at);
    free(client->missing);
    free(client->latency);
    client->sent_at = NULL;
    client->missing = NULL;
    client->latency = NULL;
}

/* From 1 to 65535 and round again: far more than are ever in flight. */
static uint16_t packet_id(uint64_t number) { return (uint16_t)(number % 65535 + 1); }

static bool may_send(const struct client *client) {
    const struct run *run = client->run;
    uint64_t back = run->shape->until_all ? client->complete : client->own_seen;
    return client->sent - back < run->window && client->sent - client->complete < CLIENT_LAG;
}

static void fill_window(struct client *client, uint64_t now) {
    struct run *run = client->run;
    if (!run->sending || !client->sends)
        return;
    size_t topic_len = strlen(client->send_topic);
    while (may_send(client)) {
        char payload[MESSAGE_CAP];
        size_t len = message_write(payload, run->tag, client->index, client->sent);
        mqtt_write_publish(&client->connection.out, packet_id(client->sent), client->send_topic,
                           topic_len, payload, len);
        client->sent_at[client->sent % run->window] = now;
        client->missing[client->sent % CLIENT_LAG] = (uint16_t)client->members;
        client->sent++;
    }
}

bool client_top_up(struct client *client) {
    fill_window(client, clock_ns());
    return flush(client);
}

static bool on_connack(struct client *client, const struct mqtt_packet *packet) {
    if (client->state != CLIENT_OPENING)
        return fail(client, "a second CONNACK came");
    if (packet->len != 2 || packet->body[1] != 0)
        return fail(client, "CONNECT refused with code %d",
                    packet->len == 2 ? packet->body[1] : -1);
    client->state = CLIENT_SUBSCRIBING;
    client->run->opening--;
    const char *filters[] = {client->messages_topic, client->errors_topic};
    mqtt_write_subscribe(&client->connection.out, SUBSCRIBE_ID, filters, 2);
    return true;
}

static bool on_suback(struct client *client, const struct mqtt_packet *packet) {
    if (client->state != CLIENT_SUBSCRIBING || mqtt_read_id(packet) != SUBSCRIBE_ID)
        return fail(client, "an unexpected SUBACK came");
    if (!mqtt_all_granted(packet, 2))
        return turn_away(client, "SUBSCRIBE to its room and errors was refused");
    client->state = CLIENT_READY;
    client->run->ready++;
    return true;
}

/* Acknowledgements come in the order of the publishes (MQTT 3.1.1, 4.6). */
static bool on_puback(struct client *client, const struct mqtt_packet *packet) {
    if (client->acked == client->sent || mqtt_read_id(packet) != packet_id(client->acked))
        return fail(client, "PUBACK %u came, %u was due", mqtt_read_id(packet),
                    packet_id(client->acked));
    client->acked++;
    return true;
}

static bool check_seq(struct client *client, uint64_t seq) {
    if (seq == 0 || (client->last_seq != 0 && seq != client->last_seq + 1))
        return fail(client, "seq %llu came after %llu", (unsigned long long)seq,
                    (unsigned long long)client->last_seq);
    client->last_seq = seq;
    return true;
}

static void record(struct client *sender, uint64_t n, uint64_t now) {
    const struct run *run = sender->run;
    if (run->recording)
        hist_record(sender->latency, now - sender->sent_at[n % run->window]);
}

/* One more member has message `n` of `sender`. */
static void count_delivery(struct client *sender, uint64_t n, bool own, uint64_t now) {
    struct run *run = sender->run;
    bool until_all = run->shape->until_all;
    run->deliveries++;
    if (own && !until_all)
        record(sender, n, now);
    if (--sender->missing[n % CLIENT_LAG] > 0)
        return;
    sender->complete++;
    run->complete++;
    if (until_all)
        record(sender, n, now);
}

static bool on_message(struct client *client, const struct mqtt_delivery *delivery, uint64_t now) {
    struct run *run = client->run;
    struct echo echo;
    if (!message_read(delivery->payload, delivery->payload_len, run->tag, &echo))
        return fail(client, "not a message of this run: %.*s",
                    (int)(delivery->payload_len < 512 ? delivery->payload_len : 512),
                    delivery->payload);
    bool own = echo.sender == client->index;
    if (!own && (client->peer == NULL || echo.sender != client->peer->index))
        return fail(client, "a message of client number %zu came", echo.sender);
    struct client *sender = &run->clients[echo.sender];
    uint64_t *seen = own ? &client->own_seen : &client->peer_seen;
    if (echo.n != *seen || echo.n >= sender->sent)
        return fail(client, "message %llu of client number %zu came, %llu was due",
                    (unsigned long long)echo.n, echo.sender, (unsigned long long)*seen);
    if (run->hum && !check_seq(client, echo.seq))
        return false;
    (*seen)++;
    count_delivery(sender, echo.n, own, now);
    return true;
}

static bool is_topic(const struct mqtt_delivery *delivery, const char *topic) {
    return delivery->topic_len == strlen(topic) &&
           memcmp(delivery->topic, topic, delivery->topic_len) == 0;
}

static bool on_delivery(struct client *client, const struct mqtt_packet *packet, uint64_t now) {
    struct mqtt_delivery delivery;
    if (!mqtt_read_delivery(packet, &delivery))
        return fail(client, "a malformed PUBLISH came");
    if (!is_topic(&delivery, client->messages_topic))
        return fail(client, "on %.*s came: %.*s",
                    (int)(delivery.topic_len < 128 ? delivery.topic_len : 128), delivery.topic,
                    (int)(delivery.payload_len < 512 ? delivery.payload_len : 512),
                    delivery.payload);
    if (delivery.qos != 1)
        return fail(client, "a message came with QoS %u", delivery.qos);
    mqtt_write_puback(&client->connection.out, delivery.id);
    return on_message(client, &delivery, now);
}

static bool on_packet(struct client *client, const struct mqtt_packet *packet, uint64_t now) {
    switch (packet->type) {
    case MQTT_CONNACK:
        return on_connack(client, packet);
    case MQTT_SUBACK:
        return on_suback(client, packet);
    case MQTT_PUBACK:
        return on_puback(client, packet);
    case MQTT_PUBLISH:
        return on_delivery(client, packet, now);
    }
    return fail(client, "a packet of type %u came", (unsigned)packet->type);
}

/* Over WebSocket the broker puts one packet in one frame. */
static enum mqtt_framing next_packet(const struct client *client, size_t at,
                                     struct mqtt_packet *packet, size_t *used) {
    const uint8_t *data = client->connection.in + at;
    size_t len = client->connection.in_len - at;
    const uint8_t *payload;
    size_t payload_len;
    size_t inner;
    if (!client->run->shape->websocket)
        return mqtt_read(data, len, packet, used);
    enum mqtt_framing framing = websocket_read(data, len, &payload, &payload_len, used);
    if (framing != MQTT_WHOLE)
        return framing;
    if (mqtt_read(payload, payload_len, packet, &inner) != MQTT_WHOLE || inner != payload_len)
        return MQTT_MALFORMED;
    return MQTT_WHOLE;
}

static bool read_upgrade(struct client *client) {
    struct connection *connection = &client->connection;
    size_t used = websocket_read_upgrade(connection->in, connection->in_len);
    if (used == SIZE_MAX)
        return fail(client, "the WebSocket is refused");
    if (used == 0)
        return true;
    connection_consume(connection, used);
    return introduce(client);
}

static bool read_packets(struct client *client, uint64_t now) {
    struct connection *connection = &client->connection;
    struct mqtt_packet packet;
    size_t used = 0;
    size_t at = 0;
    for (;; at += used) {
        enum mqtt_framing framing = next_packet(client, at, &packet, &used);
        if (framing == MQTT_PARTIAL)
            break;
        if (framing == MQTT_MALFORMED)
            return fail(client, "a malformed packet came");
        if (!on_packet(client, &packet, now))
            return false;
        if (client->state == CLIENT_AWAY)
            return true;
    }
    connection_consume(connection, at);
    return true;
}

bool client_serve(struct client *client) {
    uint64_t now = clock_ns();
    const char *problem = connection_fill(&client->connection);
    if (problem != NULL)
        return turn_away(client, problem);
    if (client->state == CLIENT_UPGRADING)
        return read_upgrade(client);
    if (!read_packets(client, now))
        return false;
    if (client->state == CLIENT_AWAY)
        return true;
    fill_window(client, now);
    return flush(client);
}

bool client_is_drained(const struct client *client) {
    return client->acked == client->sent && client->complete == client->sent;
}
