#include "websocket.h"

#include <string.h>

#define FINAL_BINARY 0x82
#define MASKED 0x80
#define LENGTH_16 126
#define LENGTH_64 127

static const char upgrade[] = "GET /mqtt HTTP/1.1\r\n"
                              "Host: 127.0.0.1\r\n"
                              "Upgrade: websocket\r\n"
                              "Connection: Upgrade\r\n"
                              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Protocol: mqtt\r\n\r\n";
static const char accepted[] = "HTTP/1.1 101";

void websocket_write_upgrade(struct mqtt_out *out) {
    size_t len = sizeof(upgrade) - 1;
    if (len > out->cap - out->len) {
        out->overflow = true;
        return;
    }
    memcpy(out->data + out->len, upgrade, len);
    out->len += len;
}

size_t websocket_read_upgrade(const uint8_t *data, size_t len) {
    const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    if (memcmp(data, accepted, sizeof(accepted) - 1) != 0)
        return SIZE_MAX;
    return (size_t)(end - data) + 4;
}

/* A client has to mask; with the mask 0 the payload stays what it is. */
void websocket_frame(struct mqtt_out *out, size_t from) {
    size_t len = out->len - from;
    uint8_t header[8] = {FINAL_BINARY};
    size_t header_len = len < LENGTH_16 ? 6 : 8;
    if (len > UINT16_MAX || header_len > out->cap - out->len) {
        out->overflow = true;
        return;
    }
    header[1] = MASKED | (uint8_t)(len < LENGTH_16 ? len : LENGTH_16);
    if (len >= LENGTH_16) {
        header[2] = (uint8_t)(len >> 8);
        header[3] = (uint8_t)len;
    }
    memmove(out->data + from + header_len, out->data + from, len);
    memcpy(out->data + from, header, header_len);
    out->len += header_len;
}

enum mqtt_framing websocket_read(const uint8_t *data, size_t len, const uint8_t **payload,
                                 size_t *payload_len, size_t *used) {
    if (len < 2)
        return MQTT_PARTIAL;
    if (data[0] != FINAL_BINARY || (data[1] & MASKED) != 0 || data[1] == LENGTH_64)
        return MQTT_MALFORMED;
    size_t header_len = data[1] == LENGTH_16 ? 4 : 2;
    if (len < header_len)
        return MQTT_PARTIAL;
    size_t body_len = header_len == 4 ? (size_t)data[2] << 8 | data[3] : data[1];
    if (len - header_len < body_len)
        return MQTT_PARTIAL;
    *payload = data + header_len;
    *payload_len = body_len;
    *used = header_len + body_len;
    return MQTT_WHOLE;
}
