#include "delivery.h"

#include <limits.h>
#include <stdlib.h>

#include <mosquitto_broker.h>

enum { ERROR_JSON_MAX = 1024 };

/* QoS 1: the least that a subscriber may have granted counts. Never retained: PostgreSQL keeps it.
 * A publish that fails for want of memory is a gap that the client sees. */
static void publish(const char *topic, const char *payload, size_t len) {
    (void)mosquitto_broker_publish_copy(NULL, topic, (int)len, payload, 1, false, NULL);
}

static void deliver(const struct room *room, const struct batch_item *batch,
                    const struct delivered *message) {
    char topic[TOPIC_MAX];

    topic_messages(topic, room->kind, room->id, room->server);
    publish(topic, batch->json.data + message->offset, message->len);
}

static void fetch(struct delivery *delivery, struct room *room) {
    if (!listener_page(delivery->listener, room->id, room->head)) {
        room->fetching = false; /* no memory: the next message asks again */
    }
}

void delivery_batch(struct delivery *delivery, const struct batch_item *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        const struct delivered *message = &batch->messages[i];
        struct room *room = rooms_find(delivery->rooms, message->room);

        switch (room_committed(room, message->seq)) {
        case ROOM_DELIVER:
            deliver(room, batch, message);
            break;
        case ROOM_FETCH:
            fetch(delivery, room);
            break;
        case ROOM_DROP:
            break;
        }
    }
}

void delivery_page(struct delivery *delivery, const struct batch_item *page) {
    struct room *room = rooms_find(delivery->rooms, page->room);
    bool progressed = false;

    for (size_t i = 0; room && i < page->count; i++) {
        if (room_committed(room, page->messages[i].seq) == ROOM_DELIVER) {
            deliver(room, page, &page->messages[i]);
            progressed = true;
        }
    }
    if (room_fetched(room, progressed) == ROOM_FETCH) {
        fetch(delivery, room);
    }
}

void delivery_head(struct delivery *delivery, int64_t id, int64_t seq) {
    struct room *room = rooms_find(delivery->rooms, id);

    if (room_reaches(room, seq) == ROOM_FETCH) {
        fetch(delivery, room);
    }
}

void delivery_check(struct delivery *delivery) {
    size_t count;
    int64_t *ids = rooms_live(delivery->rooms, &count);

    if (ids && count > 0) {
        (void)listener_heads(delivery->listener, ids, count);
    }
    free(ids);
}

void delivery_error(int64_t user, int64_t room, const char *nonce, enum hum_status status,
                    const char *detail) {
    char topic[TOPIC_MAX];
    struct buf json;

    buf_init(&json, ERROR_JSON_MAX);
    buf_text(&json, "{");
    if (room) {
        buf_text(&json, "\"room\":\"");
        buf_int(&json, room);
        buf_text(&json, "\",");
    }
    if (nonce[0]) {
        buf_text(&json, "\"nonce\":");
        buf_json_string(&json, str_of(nonce));
        buf_text(&json, ",");
    }
    buf_text(&json, "\"code\":");
    buf_json_string(&json, str_of(hum_status_code(status)));
    buf_text(&json, ",\"detail\":");
    buf_json_string(&json, str_of(detail ? detail : hum_status_text(status)));
    buf_text(&json, "}");
    if (!json.failed) {
        topic_errors(topic, user);
        publish(topic, json.data, json.len);
    }
    buf_free(&json);
}
