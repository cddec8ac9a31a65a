#include "delivery.h"

#include <stdio.h>
#include <stdlib.h>

#include <mosquitto_broker.h>

#include "numbers.h"

enum { ERROR_JSON_MAX = 1024 };

static bool published;
static size_t large_rounds;

size_t delivery_rounds(void) {
    size_t rounds = published + large_rounds;

    published = false;
    large_rounds = 0;
    return rounds;
}

/* QoS 1: the least that a subscriber may have granted counts. A publish that fails for want of
 * memory is a gap that the client sees. */
static void publish(const char *topic, const char *payload, size_t len, bool retain) {
    published = true;
    if (len + TOPIC_MAX > ROUND_BYTES) {
        large_rounds += (len + TOPIC_MAX) / ROUND_BYTES + 1;
    }
    (void)mosquitto_broker_publish_copy(NULL, topic, (int)len, payload, 1, retain, NULL);
}

static void deliver(const struct room *room, const struct batch_item *batch,
                    const struct delivered *message) {
    char topic[TOPIC_MAX];

    topic_messages(topic, room->kind, room->id, room->server);
    publish(topic, batch->json.data + message->offset, message->len, false);
    number_add(NUMBER_PUBLISHED, 1);
}

static void fetch(struct delivery *delivery, struct room *room) {
    number_add(NUMBER_GAP_REPAIRS, 1);
    if (!listener_page(delivery->listener, room->id, room->head)) {
        room->fetching = false; /* no memory: the next message asks again */
    }
}

void delivery_batch(struct delivery *delivery, const struct batch_item *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        const struct delivered *message = &batch->messages[i];
        struct room *room = rooms_find(delivery->rooms, message->room);

        if (!room) {
            continue; /* nobody who is here may read it */
        }
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

    if (!room) {
        return;
    }
    /* A page of what was delivered meanwhile is no proof that nothing follows. */
    bool progressed = page->count > 0 && page->messages[0].seq <= room->head;
    for (size_t i = 0; i < page->count; i++) {
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

    if (room && room_reaches(room, seq) == ROOM_FETCH) {
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

void delivery_read_mark(struct delivery *delivery, const struct read_mark *mark) {
    const struct room *room = rooms_find(delivery->rooms, mark->room);
    char topic[TOPIC_MAX], payload[48];

    if (room && room->kind != ROOM_INBOX) {
        topic_read_mark(topic, room->kind, room->id, room->server, mark->user);
        int len = snprintf(payload, sizeof payload, "{\"seq\":%lld}", (long long)mark->seq);
        publish(topic, payload, (size_t)len, false);
    }
}

void delivery_sync(const struct sync_item *piece) {
    char topic[TOPIC_MAX];

    if (piece->json.len > 0 && !piece->json.failed) {
        topic_sync_reply(topic, piece->user, piece->tag);
        publish(topic, piece->json.data, piece->json.len, false);
    }
}

void delivery_presence(int64_t user, bool online, int64_t at) {
    char topic[TOPIC_MAX];
    struct buf json;

    topic_presence(topic, user);
    if (!online) {
        publish(topic, NULL, 0, true);
        return;
    }
    buf_init(&json, 256);
    buf_text(&json, "{\"state\":\"online\",\"at\":");
    buf_json_time(&json, at);
    buf_text(&json, "}");
    if (!json.failed) {
        publish(topic, json.data, json.len, true);
    }
    buf_free(&json);
}

static void error_json(struct buf *json, int64_t room, const char *nonce, enum hum_status status,
                       const char *detail, int64_t retry_after_ms) {
    buf_text(json, "{");
    if (room) {
        buf_text(json, "\"room\":\"");
        buf_int(json, room);
        buf_text(json, "\",");
    }
    if (nonce[0]) {
        buf_text(json, "\"nonce\":");
        buf_json_string(json, str_of(nonce));
        buf_text(json, ",");
    }
    buf_text(json, "\"code\":");
    buf_json_string(json, str_of(hum_status_code(status)));
    buf_text(json, ",\"detail\":");
    buf_json_string(json, str_of(detail ? detail : hum_status_text(status)));
    if (retry_after_ms) {
        buf_text(json, ",\"retry_after_ms\":");
        buf_int(json, retry_after_ms);
    }
    buf_text(json, "}");
}

void delivery_error(int64_t user, int64_t room, const char *nonce, enum hum_status status,
                    const char *detail, int64_t retry_after_ms) {
    char topic[TOPIC_MAX];
    struct buf json;

    buf_init(&json, ERROR_JSON_MAX);
    error_json(&json, room, nonce, status, detail, retry_after_ms);
    if (!json.failed) {
        topic_errors(topic, user);
        publish(topic, json.data, json.len, false);
    }
    buf_free(&json);
}
