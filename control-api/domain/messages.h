/* What is said in rooms: sending, paging, catching up. */
#ifndef HUM_DOMAIN_MESSAGES_H
#define HUM_DOMAIN_MESSAGES_H

#include "store/messages.h"
#include "store/rooms.h"

/* A message of the caller's, whole. */
struct sent {
    bool known;             /* it is the original of a nonce that was there already */
    struct message message; /* its texts are those of the Send, or live as long as rows */
    struct pg_result *rows; /* freed with pg_result_free; may be NULL */
};

/* Appends a text to a room. HUM_NOT_FOUND: no room that the caller may read; HUM_NOT_FRIENDS,
 * HUM_NOT_OWNER, HUM_FORBIDDEN: they may not send to it; HUM_INVALID_PAYLOAD: reply_to is not in
 * the room. What allows it (a friendship, a place in a channel) cannot end before the message is
 * committed. */
HUM_MUSTCHECK enum hum_status messages_send(struct pg *pg, int64_t caller, int64_t room,
                                            const struct send_request *send, struct sent *ret);

/* Within a transaction: whether the caller, who may read the room, may also send to it; HUM_OK
 * stays true until the end. Else as messages_send. */
HUM_MUSTCHECK enum pg_outcome messages_may_send(struct pg *pg, int64_t caller,
                                                const struct room_access *room,
                                                enum hum_status *ret_status);

enum page_direction { PAGE_BEFORE, PAGE_AFTER };

/* limit messages, and one more should there be one, on one side of seq, ascending. HUM_NOT_FOUND:
 * no room that the caller may read. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum hum_status messages_page(struct pg *pg, int64_t caller, int64_t room,
                                            enum page_direction direction, int64_t seq, int limit,
                                            struct pg_result **ret_rows);

enum {
    SYNC_ROOMS_MAX = 200,
    SYNC_MESSAGES_MAX = 1000, /* of all rooms */
};

/* How far the caller knows some rooms, and what is found of them. */
struct sync_room {
    int64_t id;
    int64_t after; /* the last seq known */
    bool found;    /* set: a room that the caller may read */
    int64_t upto;  /* set: the last seq that ret_rows holds of it */
    bool done;     /* set: there is no more after upto */
};

/* Fills rooms in, and gives the messages they lack, room by room in the order of rooms, ascending.
 * No id may stand in rooms twice. Where not everything fits, each room gets its share. ret_rows is
 * freed with pg_result_free. */
HUM_MUSTCHECK enum hum_status messages_sync(struct pg *pg, int64_t caller, struct sync_room *rooms,
                                            size_t count, struct pg_result **ret_rows);

#endif
