/* What the plugin's threads tell each other: items for the broker's thread, and requests to the
 * listener. Each is allocated by its sender and freed by its receiver. */
#ifndef HUM_ITEMS_H
#define HUM_ITEMS_H

#include "access.h"
#include "keys.h"
#include "mailbox.h"
#include "topic.h"

enum item_kind {
    ITEM_BATCH,       /* messages that are committed, in order */
    ITEM_PAGE,        /* a piece of a room's log that was asked for */
    ITEM_HEAD,        /* a room's log reaches at least seq */
    ITEM_ERROR,       /* somebody's message was refused after it had been taken */
    ITEM_SET,         /* all rights of a user, as loaded */
    ITEM_RIGHT,       /* one right of a user has changed */
    ITEM_GONE,        /* a room is gone, and with it all rights in it */
    ITEM_SESSION_END, /* a session was revoked */
    ITEM_FRIEND,      /* two people have become friends, or no longer are */
    ITEM_READ,        /* somebody has read up to a number */
    ITEM_MARKED,      /* read marks were written */
    ITEM_SYNC,        /* a piece of the answer to a sync */
    ITEM_LINK, /* the listener's connection came up (all that is cached may be old) or went down */
    ITEM_KEYS, /* the keys of tokens were read anew, or could not be */
    ITEM_LOG,  /* a line for the broker's log, which only its own thread may write */
};

struct item {
    struct mail mail;
    enum item_kind kind;
    int64_t posted_us; /* of hub_now_us */
};

/* One message of a batch or page; its JSON is in the batch's buffer. */
struct delivered {
    int64_t room;
    int64_t seq;
    size_t offset;
    size_t len;
};

struct batch_item {
    struct item item;
    int64_t room; /* of a page */
    struct buf json;
    size_t count;
    struct delivered messages[];
};

struct head_item {
    struct item item;
    int64_t room;
    int64_t seq;
};

struct error_item {
    struct item item;
    int64_t user;
    int64_t room;
    enum hum_status status;
    const char *detail; /* constant */
    char nonce[MESSAGE_NONCE_MAX + 1];
};

struct set_item {
    struct item item;
    struct access_set *set;
};

struct right_item {
    struct item item;
    int64_t user;
    struct access_right right;
};

struct session_item {
    struct item item;
    int64_t user;
    int64_t session;
};

struct friend_item {
    struct item item;
    int64_t user;
    int64_t friend_id;
    bool friends;
};

struct read_mark {
    int64_t user;
    int64_t room;
    int64_t seq;
};

struct read_item {
    struct item item;
    struct read_mark mark;
};

struct marked_item {
    struct item item;
    size_t count;
    struct read_mark marks[]; /* those that have moved */
};

struct sync_item {
    struct item item;
    int64_t user;
    bool done; /* the last piece */
    char tag[TOPIC_TAG_MAX + 1];
    struct buf json;
};

struct link_item {
    struct item item;
    bool up;
};

struct keys_item {
    struct item item;
    enum hum_status status; /* keys_load's */
    struct keys keys;
};

struct log_item {
    struct item item;
    bool error; /* else a notice */
    char line[256];
};

enum request_kind { REQUEST_LOAD, REQUEST_PAGE, REQUEST_HEADS };

struct request {
    struct mail mail;
    enum request_kind kind;
    int64_t id;    /* LOAD: the user; PAGE: the room */
    int64_t after; /* PAGE */
    size_t count;  /* HEADS */
    int64_t rooms[];
};

/* A zeroed item of its kind and size; NULL: no memory. */
void *item_new(enum item_kind kind, size_t size);
/* A batch with room for count messages. NULL: no memory. */
struct batch_item *batch_new(enum item_kind kind, size_t count);
/* Appends a message to a batch. False: no memory; the batch is then as before. */
bool batch_add(struct batch_item *batch, const struct message *message);
/* Frees an item and what it holds. NULL is fine. */
void item_free(struct item *item);

#endif
