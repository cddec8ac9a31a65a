/* Committed messages to their subscribers, in order: the one place that publishes. The broker's
 * thread. */
#ifndef HUM_DELIVERY_H
#define HUM_DELIVERY_H

#include "items.h"
#include "listener.h"
#include "rooms.h"
#include "topic.h"

struct delivery {
    struct rooms *rooms;
    struct listener *listener; /* fetches what is missing */
};

/* A batch as the writer committed it. */
void delivery_batch(struct delivery *delivery, const struct batch_item *batch);
/* A piece of a room's log that was asked for. */
void delivery_page(struct delivery *delivery, const struct batch_item *page);
/* A room's log reaches seq: what is missing is fetched, if anybody listens. */
void delivery_head(struct delivery *delivery, int64_t room, int64_t seq);
/* The link to the database is back: compares the numbers of all live rooms. */
void delivery_check(struct delivery *delivery);

/* Somebody has read up to a number: tells the room's readers. */
void delivery_read_mark(struct delivery *delivery, const struct read_mark *mark);
/* A piece of the answer to a sync; one without a text is not published. */
void delivery_sync(const struct sync_item *piece);
/* Retained while online, cleared when offline. at: milliseconds since 1970. */
void delivery_presence(int64_t user, bool online, int64_t at);

/* Publishes an Error on the user's errors topic. room 0, nonce "", retry_after_ms 0: not told. */
void delivery_error(int64_t user, int64_t room, const char *nonce, enum hum_status status,
                    const char *detail, int64_t retry_after_ms);

/* How many rounds of the broker's loop it takes until a WebSocket client has been sent all that was
 * published since the last call, if it reads: one for all small packets, several for a large one.
 */
size_t delivery_rounds(void);

#endif
