/*
 * message: what is sent, and what is read of its echo.
 *
 * A Send is `{"nonce":"<tag>-<sender>-<n>","text":"…"}` with a text of about 60 characters. The
 * nonce is all that is needed to tell whose message an echo is; `tag` tells this run's from those
 * that are in the rooms' history.
 */
#ifndef HUM_BENCH_MESSAGE_H
#define HUM_BENCH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_TAG_MAX 16
/* Enough for any Send that message_write makes. */
#define MESSAGE_CAP 256

struct echo {
    uint64_t seq; /* 0: the JSON has none (a Send on raw Mosquitto) */
    uint64_t n;
    size_t sender;
};

/* Writes the Send number `n` of `sender`, without a final NUL; returns its length. */
size_t message_write(char dst[MESSAGE_CAP], const char *tag, size_t sender, uint64_t n);

/* Reads a Message (or a Send) whose nonce message_write made; false: it is something else. */
bool message_read(const char *json, size_t len, const char *tag, struct echo *echo);

#endif
