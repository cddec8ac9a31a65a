/* Messages: the entries of rooms, in the one JSON form that MQTT and REST share, and the Send
 * payload that asks for one. */
#ifndef HUM_MESSAGE_H
#define HUM_MESSAGE_H

#include "buf.h"
#include "status.h"

enum room_kind { ROOM_DM = 1, ROOM_SERVER = 2, ROOM_CHANNEL = 3, ROOM_INBOX = 4 };

/* As in the column messages.kind. From 16 on: notifications, entries of an inbox. */
enum message_kind {
    MESSAGE_TEXT = 1,
    MESSAGE_EDIT = 2,
    MESSAGE_DELETE = 3,
    MESSAGE_FRIEND_REQUEST_RECEIVED = 16,
    MESSAGE_FRIEND_REQUEST_ACCEPTED = 17,
    MESSAGE_FRIEND_REQUEST_DECLINED = 18,
    MESSAGE_FRIEND_REMOVED = 19,
    MESSAGE_DM_OPENED = 20,
    MESSAGE_SERVER_INVITE_RECEIVED = 21,
    MESSAGE_SERVER_REMOVED = 22,
    MESSAGE_CHANNEL_REMOVED = 23,
};

enum {
    MESSAGE_TEXT_MAX = 4000,         /* code points */
    MESSAGE_PAYLOAD_MAX = 16 * 1024, /* bytes of a Send */
    MESSAGE_NONCE_MAX = 64,
    MESSAGE_KEY_LEN = 16,
    MESSAGE_JSON_MAX =
        128 * 1024, /* bytes of a Message: every byte of the text escaped, and data */
};

/* "text", "edit", … ; NULL for a kind that does not exist. Any thread. */
const char *message_kind_name(int kind);
/* "dm", "server", "channel", "inbox"; NULL for a kind that does not exist. Any thread. */
const char *room_kind_name(int kind);

struct message {
    int64_t room;
    int64_t seq;
    int64_t id;
    int64_t from;    /* 0: the system */
    int64_t ref;     /* reply_to of a text, target of an edit or delete; 0: none */
    int64_t sent_at; /* times: milliseconds since 1970; 0: none */
    int64_t edited_at;
    int64_t deleted_at;
    int kind;         /* enum message_kind */
    struct str nonce; /* .data NULL: none */
    struct str text;  /* .data NULL: none */
    struct str data;  /* JSON, as PostgreSQL gives it; .data NULL: none */
};

/* Appends the Message as a JSON object. Any thread. */
void message_json(struct buf *out, const struct message *message);

/* What a Send asks for. */
struct send_request {
    char nonce[MESSAGE_NONCE_MAX + 1];
    struct str text;  /* UTF-8; in the payload, or in what the request owns */
    int64_t reply_to; /* 0: none */
    char *owned;
};

/* Reads a Send. On failure HUM_TOO_LARGE or HUM_INVALID_PAYLOAD; ret_detail then says what is wrong
 * (a constant text), and ret_request->nonce still holds the nonce where one could be read, so that
 * the refusal can name it (else it is empty). The request refers to the payload; free it with
 * send_free after success. A Send in its plain form, without escapes in its strings and without
 * further members, costs no allocation. Any thread. */
HUM_MUSTCHECK enum hum_status send_parse(struct str payload, struct send_request *ret_request,
                                         const char **ret_detail);
/* The nonce stays. */
void send_free(struct send_request *request);

/* What makes a message of this sender and nonce the same one for ever: the first half of SHA-256
 * over the sender (8 bytes, network order) and the nonce. Any thread. */
void message_dedup_key(int64_t sender, struct str nonce, unsigned char ret_key[MESSAGE_KEY_LEN]);

#endif
