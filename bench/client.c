#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mqtt.h"

#define KEEPALIVE_S 900
#define SUBSCRIBE_ID 1

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
    const char *problem = connection_flush(&client->connection);
    return problem == NULL || fail(client, "%s", problem);
}

bool client_open(struct client *client, int epoll, const struct sockaddr_in *address) {
    const struct credential *who = client->who;
    snprintf(client->send_topic, sizeof(client->send_topic), "dm/%.32s/%s", who->room,
             client->run->hum ? "send" : "messages");
    snprintf(client->messages_topic, sizeof(client->messages_topic), "dm/%.32s/messages",
             who->room);
    snprintf(client->errors_topic, sizeof(client->errors_topic), "user/%.32s/errors",
             who->username);
    client->sent_at = calloc(client->run->window, sizeof(*client->sent_at));
    if (client->sent_at == NULL)
        return fail(client, "out of memory");
    const char *problem = connection_open(&client->connection, epoll, client, address);
    if (problem != NULL)
        return fail(client, "cannot connect: %s", problem);
    mqtt_write_connect(&client->connection.out, who->client_id, who->username, who->password,
                       KEEPALIVE_S);
    return flush(client);
}

void client_close(struct client *client) {
    if (client->connection.fd >= 0) {
        mqtt_write_disconnect(&client->connection.out);
        const char *ignored = connection_flush(&client->connection);
        (void)ignored;
    }
    connection_close(&client->connection);
    free(client->sent_at);
    client->sent_at = NULL;
}

/* From 1 to 65535 and round again: far more than are ever in flight. */
static uint16_t packet_id(uint64_t number) { return (uint16_t)(number % 65535 + 1); }

static void fill_window(struct client *client, uint64_t now) {
    struct run *run = client->run;
    if (!run->sending || !client->sends)
        return;
    size_t topic_len = strlen(client->send_topic);
    while (client->sent - client->own_seen < run->window) {
        char payload[MESSAGE_CAP];
        size_t len = message_write(payload, run->tag, client->index, client->sent);
        mqtt_write_publish(&client->connection.out, packet_id(client->sent), client->send_topic,
                           topic_len, payload, len);
        client->sent_at[client->sent % run->window] = now;
        client->sent++;
    }
}

bool client_top_up(struct client *client) {
    fill_window(client, clock_ns());
    return flush(client);
}

static bool on_connack(struct client *client, const struct mqtt_packet *packet) {
    if (packet->len != 2 || packet->body[1] != 0)
        return fail(client, "CONNECT refused with code %d",
                    packet->len == 2 ? packet->body[1] : -1);
    const char *filters[] = {client->messages_topic, client->errors_topic};
    mqtt_write_subscribe(&client->connection.out, SUBSCRIBE_ID, filters, 2);
    return true;
}

static bool on_suback(struct client *client, const struct mqtt_packet *packet) {
    if (mqtt_read_id(packet) != SUBSCRIBE_ID || !mqtt_all_granted(packet, 2))
        return fail(client, "SUBSCRIBE to %s and %s refused", client->messages_topic,
                    client->errors_topic);
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

static bool on_message(struct client *client, const struct mqtt_delivery *delivery, uint64_t now) {
    struct run *run = client->run;
    struct echo echo;
    if (!message_read(delivery->payload, delivery->payload_len, run->tag, &echo))
        return fail(client, "not a message of this run: %.*s",
                    (int)(delivery->payload_len < 512 ? delivery->payload_len : 512),
                    delivery->payload);
    bool own = echo.sender == client->index;
    if (!own && echo.sender != client->peer->index)
        return fail(client, "a message of client number %zu came", echo.sender);
    uint64_t *seen = own ? &client->own_seen : &client->peer_seen;
    uint64_t sent = own ? client->sent : client->peer->sent;
    if (echo.n != *seen || echo.n >= sent)
        return fail(client, "message %llu of client number %zu came, %llu was due",
                    (unsigned long long)echo.n, echo.sender, (unsigned long long)*seen);
    if (run->hum && !check_seq(client, echo.seq))
        return false;
    if (own && run->recording)
        hist_record(&client->latency, now - client->sent_at[echo.n % run->window]);
    (*seen)++;
    run->deliveries++;
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

static bool read_packets(struct client *client, uint64_t now) {
    struct connection *connection = &client->connection;
    struct mqtt_packet packet;
    size_t used = 0;
    size_t at = 0;
    for (;; at += used) {
        enum mqtt_framing framing =
            mqtt_read(connection->in + at, connection->in_len - at, &packet, &used);
        if (framing == MQTT_PARTIAL)
            break;
        if (framing == MQTT_MALFORMED)
            return fail(client, "a malformed packet came");
        if (!on_packet(client, &packet, now))
            return false;
    }
    connection_consume(connection, at);
    return true;
}

bool client_serve(struct client *client) {
    uint64_t now = clock_ns();
    const char *problem = connection_fill(&client->connection);
    if (problem != NULL)
        return fail(client, "%s", problem);
    if (!read_packets(client, now))
        return false;
    fill_window(client, now);
    return flush(client);
}

bool client_is_drained(const struct client *client) {
    return client->acked == client->sent && client->own_seen == client->sent &&
           client->peer_seen == client->peer->sent;
}
