/* MQTT topics and filters of the contract, taken apart. Pure: no state, no allocation. */
#ifndef HUM_TOPIC_H
#define HUM_TOPIC_H

#include "message.h"

enum topic_scope { TOPIC_DM, TOPIC_SERVER, TOPIC_CHANNEL, TOPIC_USER };

enum topic_verb {
    TOPIC_SEND,     /* {room}/send, a request */
    TOPIC_MESSAGES, /* {room}/messages */
    TOPIC_INBOX,    /* user/{uid}/inbox: the messages of the inbox room */
    TOPIC_ERRORS,   /* user/{uid}/errors */
    TOPIC_ALL,      /* only in filters: "#" or "+" below one room or user */
};

struct topic {
    enum topic_scope scope;
    enum topic_verb verb;
    int64_t id;     /* the room's or user's; a channel's own, not its server's */
    int64_t server; /* of a channel, else 0 */
};

/* Reads a concrete topic. False: not one of ours. Any thread. */
bool topic_parse(struct str text, struct topic *ret_topic);

/* Reads a filter: a concrete topic, or with "+" or "#" below one room or one user, never in the
 * place of an id. server/{id}/# covers the server's channels, too, and is told as scope SERVER with
 * verb ALL. False: not allowed or not one of ours. Any thread. */
bool topic_parse_filter(struct str text, struct topic *ret_topic);

enum { TOPIC_MAX = 96 }; /* bytes of the longest topic that these write, NUL included */

/* Write "{room}/messages" of a room (an inbox: "user/{uid}/inbox"), and "user/{uid}/errors", with a
 * NUL. server: of a channel, else ignored. Any thread. */
void topic_messages(char out[TOPIC_MAX], enum room_kind kind, int64_t room, int64_t server);
void topic_errors(char out[TOPIC_MAX], int64_t user);
/* Writes "{room}", the contract's prefix of a room's topics, with a NUL. */
void topic_room(char out[TOPIC_MAX], enum room_kind kind, int64_t room, int64_t server);

#endif
