/*
 * mqtt: the few MQTT 3.1.1 packets that a load generator writes and reads.
 *
 * Writing goes into a bounded buffer whose failure is sticky: write as much as you like, check
 * `overflow` once. Reading copies nothing: what comes out points into the bytes that went in.
 */
#ifndef HUM_BENCH_MQTT_H
#define HUM_BENCH_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mqtt_type {
    MQTT_CONNACK = 2,
    MQTT_PUBLISH = 3,
    MQTT_PUBACK = 4,
    MQTT_SUBACK = 9,
};

struct mqtt_out {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool overflow;
};

struct mqtt_packet {
    enum mqtt_type type;
    unsigned flags;
    const uint8_t *body;
    size_t len;
};

struct mqtt_delivery {
    const char *topic;
    size_t topic_len;
    const char *payload;
    size_t payload_len;
    unsigned qos;
    uint16_t id; /* 0 for QoS 0 */
};

enum mqtt_framing { MQTT_WHOLE, MQTT_PARTIAL, MQTT_MALFORMED };

/* CONNECT with a clean session. `password` NULL: anonymous, and `username` is not sent. */
void mqtt_write_connect(struct mqtt_out *out, const char *client_id, const char *username,
                        const char *password, uint16_t keepalive_s);
/* SUBSCRIBE to all filters, each with QoS 1. */
void mqtt_write_subscribe(struct mqtt_out *out, uint16_t id, const char *const *filters,
                          size_t count);
/* PUBLISH with QoS 1, not retained. */
void mqtt_write_publish(struct mqtt_out *out, uint16_t id, const char *topic, size_t topic_len,
                        const char *payload, size_t payload_len);
void mqtt_write_puback(struct mqtt_out *out, uint16_t id);
void mqtt_write_disconnect(struct mqtt_out *out);

/* Takes the first packet off `data`. `used` (bytes of it) and `packet` are set when it is whole. */
enum mqtt_framing mqtt_read(const uint8_t *data, size_t len, struct mqtt_packet *packet,
                            size_t *used);
/* The packet id that a PUBACK or SUBACK starts with; 0 (never valid) when the packet is too short.
 */
uint16_t mqtt_read_id(const struct mqtt_packet *packet);
/* Whether every filter of a SUBSCRIBE was granted; false for a malformed SUBACK, too. */
bool mqtt_all_granted(const struct mqtt_packet *packet, size_t filters);
/* False: malformed. */
bool mqtt_read_delivery(const struct mqtt_packet *packet, struct mqtt_delivery *delivery);

#endif
