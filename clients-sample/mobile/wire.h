/* What the server says, read strictly: it may be anybody who answers at that address. What does not
 * fit is as if it had not come.
 */
#ifndef HUM_MOBILE_WIRE_H
#define HUM_MOBILE_WIRE_H

#include <jansson.h>

#include "store.h"

enum { WIRE_CODE_MAX = 48, WIRE_NONCE_MAX = 64, WIRE_SEQ_MAX_BITS = 53 };

/* NULL: no JSON. To be given to json_decref. */
json_t *wire_parse(const char *text, size_t length);

/* An id: a decimal string. 0: none. */
int64_t wire_id(const json_t *value);
/* The decimal digits of an id, without sign or leading zero, up to end. 0: none. */
int64_t wire_digits(const char *text, size_t length);
/* A number from 0 to 2^53 - 1, otherwise -1. */
int64_t wire_number(const json_t *value);
/* Milliseconds since 1970; 0: none. */
int64_t wire_time(const json_t *value);
/* NULL: no string, or longer than max bytes. */
const char *wire_text(const json_t *value, size_t max);

/* ---- Messages ---- */

/* Messages that came, until the store has taken them. All zero: empty. */
struct wire_batch {
    hum_message *items;
    size_t count, room;
    json_t *kept; /* an array of what the items point into */
};

/* False: it is none, or there is no memory. */
bool wire_batch_add(struct wire_batch *batch, json_t *message);
void wire_batch_clear(struct wire_batch *batch);

/* ---- Others ---- */

/* The texts stay the object's. False: it is none. */
bool wire_room(const json_t *object, store_room *ret_room);
bool wire_person(const json_t *object, store_person *ret_person);
/* The texts are the caller's, to be given to store_session_free. now: wall clock. */
bool wire_session(const json_t *object, int64_t now, store_session *ret_session);

struct wire_refusal {
    int64_t room;
    char nonce[WIRE_NONCE_MAX + 1]; /* "": not said */
    char code[WIRE_CODE_MAX + 1];
    int64_t retry_after_ms;
};
bool wire_refusal(const json_t *object, struct wire_refusal *ret_refusal);
/* The code of a problem+json, "" for anything else. */
void wire_code(const char *body, size_t length, char ret_code[WIRE_CODE_MAX + 1]);

/* ---- Topics ---- */

enum wire_verb {
    WIRE_OTHER,
    WIRE_MESSAGES, /* of a room, or an inbox */
    WIRE_TYPING,
    WIRE_READ,
    WIRE_PRESENCE,
    WIRE_ERRORS,
    WIRE_SYNC,
};
struct wire_topic {
    enum wire_verb verb;
    int64_t room; /* of an inbox, presence, errors, sync: the user */
    int64_t user; /* of typing and read */
};
struct wire_topic wire_topic(const char *topic);

/* Where an address of the Session leads. False: neither mqtt:// nor mqtts:// with a host and a
 * port. */
struct wire_address {
    bool tls;
    char host[256];
    int port;
};
bool wire_address(const char *url, struct wire_address *ret_address);

#endif
