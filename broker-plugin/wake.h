/* Wakes the broker's thread, which sleeps in its loop for up to 100 ms.
 *
 * A connection of our own to the broker's unix-socket listener: a few bytes on it end the sleep,
 * and the TICK that follows does the work. What is sent is a QoS 0 PUBLISH that the plugin refuses.
 * Lost wake-ups cost those 100 ms and nothing else. */
#ifndef HUM_WAKE_H
#define HUM_WAKE_H

#include "status.h"
#include "str.h"

#define WAKE_NAME "hum-wake" /* client id and username of the connection */

enum { WAKE_SECRET_LEN = 64 }; /* hex digits */

/* What libwebsockets writes of a packet in one round of the broker's loop, whatever the socket
 * would take (Mosquitto 2.0.11: WS_SERV_BUF_SIZE). The rest, and all packets behind it, wait for
 * the next. */
enum { ROUND_BYTES = 4096 };

struct wake;

/* path: of the listener's socket. Connects at the first signal. NULL: no memory. */
struct wake *wake_new(const char *path);
void wake_free(struct wake *wake);
/* The password of the connection, made at start. Compare it in constant time. */
const char *wake_secret(const struct wake *wake);
/* Any thread but the broker's; never blocks. */
void wake_signal(struct wake *wake);
/* The broker's thread: makes its next round of the loop come at once. Does nothing while another
 * thread signals, which does the same. */
void wake_again(struct wake *wake);

#endif
