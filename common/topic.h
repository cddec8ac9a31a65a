/* MQTT topics and filters of the contract, taken apart. Pure: no state, no allocation. */
#ifndef HUM_TOPIC_H
#define HUM_TOPIC_H

#include "message.h"

enum topic_scope { TOPIC_DM, TOPIC_SERVER, TOPIC_CHANNEL, TOPIC_USER };

enum topic_verb {
    TOPIC_SEND,       /* {room}/send, a request */
    TOPIC_READ,       /* {room}/read, a request */
    TOPIC_MESSAGES,   /* {room}/messages */
    TOPIC_TYPING,     /* {room}/typing/{uid} */
    TOPIC_READ_MARK,  /* {room}/read/{uid} */
    TOPIC_INBOX,      /* user/{uid}/inbox: the messages of the inbox room */
    TOPIC_ERRORS,     /* user/{uid}/errors */
    TOPIC_PRESENCE,   /* user/{uid}/presence */
    TOPIC_TOKEN,      /* user/{uid}/token, a request */
    TOPIC_SYNC,       /* user/{uid}/sync, a request */
    TOPIC_SYNC_REPLY, /* user/{uid}/sync/{tag} */
    TOPIC_ALL,        /* only in filters: everything below one room or user */
};

struct topic {
    enum topic_scope scope;
    enum topic_verb verb;
    int64_t id;     /* the room's or user's; a channel's own, not its server's */
    int64_t server; /* of a channel, else 0 */
    int64_t who;    /* of TYPING and READ_MARK; 0 in a filter for anybody's */
};

/* Whether clients publish on this topic and nobody may read it. */
bool topic_is_request(enum topic_verb verb);

/* Reads a concrete topic. False: not one of ours. Any thread. */
bool topic_parse(struct str text, struct topic *ret_topic);

/* Reads a filter: a concrete topic, or with "+" or "#" below one room or one user, never in the
 * place of their ids. server/{id}/# covers the server's channels, too, and is told as scope SERVER
 * with verb ALL. False: not allowed or not one of ours. Any thread. */
bool topic_parse_filter(struct str text, struct topic *ret_topic);

/* The tag of a sync, which ends a topic: [A-Za-z0-9_-]{1,32}. Any thread. */
bool topic_tag(struct str tag);

enum {
    TOPIC_MAX = 128,
    TOPIC_TAG_MAX = 32
}; /* bytes of the longest topic that these write, NUL included */

/* Write "{room}/messages" of a room (an inbox: "user/{uid}/inbox"), and "user/{uid}/errors", with a
 * NUL. server: of a channel, else ignored. Any thread. */
void topic_messages(char out[TOPIC_MAX], enum room_kind kind, int64_t room, int64_t server);
void topic_errors(char out[TOPIC_MAX], int64_t user);
/* Write "{room}/read/{uid}", "user/{uid}/presence" and "user/{uid}/sync/{tag}", with a NUL. */
void topic_read_mark(char out[TOPIC_MAX], enum room_kind kind, int64_t room, int64_t server,
                     int64_t user);
void topic_presence(char out[TOPIC_MAX], int64_t user);
void topic_sync_reply(char out[TOPIC_MAX], int64_t user, const char *tag);
/* Writes "{room}", the contract's prefix of a room's topics, with a NUL. */
void topic_room(char out[TOPIC_MAX], enum room_kind kind, int64_t room, int64_t server);

#endif
