#include "mqtt.h"

#include <string.h>

#define CONNECT 0x10
#define PUBLISH_QOS1 0x32
#define PUBACK 0x40
#define SUBSCRIBE 0x82
#define DISCONNECT 0xe0

#define CONNECT_CLEAN 0x02
#define CONNECT_PASSWORD 0x40
#define CONNECT_USERNAME 0x80

#define SUBACK_REFUSED 0x80

static void put(struct mqtt_out *out, const void *bytes, size_t len) {
    if (len > out->cap - out->len) {
        out->overflow = true;
        return;
    }
    memcpy(out->data + out->len, bytes, len);
    out->len += len;
}

static void put_u8(struct mqtt_out *out, unsigned value) {
    put(out, &(uint8_t){(uint8_t)value}, 1);
}

static void put_u16(struct mqtt_out *out, unsigned value) {
    put(out, (uint8_t[2]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put_string(struct mqtt_out *out, const char *text, size_t len) {
    put_u16(out, (unsigned)len);
    put(out, text, len);
}

/* Remaining length: seven bits a byte, the lowest first. */
static void put_header(struct mqtt_out *out, unsigned first, size_t len) {
    put_u8(out, first);
    do {
        put_u8(out, (unsigned)(len & 0x7f) | (len > 0x7f ? 0x80U : 0U));
        len >>= 7;
    } while (len > 0);
}

void mqtt_write_connect(struct mqtt_out *out, const char *client_id, const char *username,
                        const char *password, uint16_t keepalive_s) {
    size_t len = 10 + 2 + strlen(client_id);
    if (password != NULL)
        len += 2 + strlen(username) + 2 + strlen(password);
    put_header(out, CONNECT, len);
    put_string(out, "MQTT", 4);
    put_u8(out, 4); /* protocol level of 3.1.1 */
    put_u8(out, CONNECT_CLEAN | (password != NULL ? CONNECT_USERNAME | CONNECT_PASSWORD : 0U));
    put_u16(out, keepalive_s);
    put_string(out, client_id, strlen(client_id));
    if (password != NULL) {
        put_string(out, username, strlen(username));
        put_string(out, password, strlen(password));
    }
}

void mqtt_write_subscribe(struct mqtt_out *out, uint16_t id, const char *const *filters,
                          size_t count) {
    size_t len = 2;
    for (size_t i = 0; i < count; i++)
        len += 2 + strlen(filters[i]) + 1;
    put_header(out, SUBSCRIBE, len);
    put_u16(out, id);
    for (size_t i = 0; i < count; i++) {
        put_string(out, filters[i], strlen(filters[i]));
        put_u8(out, 1);
    }
}

void mqtt_write_publish(struct mqtt_out *out, uint16_t id, const char *topic, size_t topic_len,
                        const char *payload, size_t payload_len) {
    put_header(out, PUBLISH_QOS1, 2 + topic_len + 2 + payload_len);
    put_string(out, topic, topic_len);
    put_u16(out, id);
    put(out, payload, payload_len);
}

void mqtt_write_puback(struct mqtt_out *out, uint16_t id) {
    put(out, (uint8_t[4]){PUBACK, 2, (uint8_t)(id >> 8), (uint8_t)id}, 4);
}

void mqtt_write_disconnect(struct mqtt_out *out) { put_header(out, DISCONNECT, 0); }

enum mqtt_framing mqtt_read(const uint8_t *data, size_t len, struct mqtt_packet *packet,
                            size_t *used) {
    size_t body_len = 0;
    size_t at = 1;
    for (unsigned shift = 0;; shift += 7) {
        if (shift > 21)
            return MQTT_MALFORMED;
        if (at >= len)
            return MQTT_PARTIAL;
        uint8_t byte = data[at++];
        body_len |= (size_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            break;
    }
    if (len - at < body_len)
        return MQTT_PARTIAL;
    packet->type = (enum mqtt_type)(data[0] >> 4);
    packet->flags = data[0] & 0x0f;
    packet->body = data + at;
    packet->len = body_len;
    *used = at + body_len;
    return MQTT_WHOLE;
}

static uint16_t get_u16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

uint16_t mqtt_read_id(const struct mqtt_packet *packet) {
    return packet->len >= 2 ? get_u16(packet->body) : 0;
}

bool mqtt_all_granted(const struct mqtt_packet *packet, size_t filters) {
    if (packet->len != 2 + filters)
        return false;
    for (size_t i = 0; i < filters; i++) {
        if (packet->body[2 + i] >= SUBACK_REFUSED)
            return false;
    }
    return true;
}

bool mqtt_read_delivery(const struct mqtt_packet *packet, struct mqtt_delivery *delivery) {
    const uint8_t *body = packet->body;
    unsigned qos = packet->flags >> 1 & 3;
    size_t id_len = qos > 0 ? 2 : 0;
    if (packet->len < 2)
        return false;
    size_t topic_len = get_u16(body);
    if (packet->len < 2 + topic_len + id_len)
        return false;
    const uint8_t *after_topic = body + 2 + topic_len;
    delivery->topic = (const char *)(body + 2);
    delivery->topic_len = topic_len;
    delivery->qos = qos;
    delivery->id = qos > 0 ? get_u16(after_topic) : 0;
    delivery->payload = (const char *)(after_topic + id_len);
    delivery->payload_len = packet->len - 2 - topic_len - id_len;
    return true;
}
