/*
 * websocket: as much of RFC 6455 as MQTT over WebSocket needs, for a client of this machine.
 */
#ifndef HUM_BENCH_WEBSOCKET_H
#define HUM_BENCH_WEBSOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "mqtt.h"

/* The request that turns the connection into a WebSocket, at path /mqtt. */
void websocket_write_upgrade(struct mqtt_out *out);
/* The bytes of the answer to it; 0: it is not whole yet; SIZE_MAX: it is a refusal. */
size_t websocket_read_upgrade(const uint8_t *data, size_t len);

/* Makes what `out` holds from `from` on one frame. At most 65,535 bytes; beyond: overflow. */
void websocket_frame(struct mqtt_out *out, size_t from);

/* Takes the first frame off `data`, one that a server sends whole and unmasked. `used` (bytes of
 * it) and the payload are set when it is whole. */
enum mqtt_framing websocket_read(const uint8_t *data, size_t len, const uint8_t **payload,
                                 size_t *payload_len, size_t *used);

#endif
