#include "items.h"

#include <stdlib.h>

enum { BATCH_JSON_MAX = 64 * 1024 * 1024 };

void *item_new(enum item_kind kind, size_t size) {
    struct item *item = calloc(1, size);

    if (item) {
        item->kind = kind;
    }
    return item;
}

struct batch_item *batch_new(enum item_kind kind, size_t count) {
    struct batch_item *batch = item_new(kind, sizeof *batch + count * sizeof batch->messages[0]);

    if (batch) {
        buf_init(&batch->json, BATCH_JSON_MAX);
    }
    return batch;
}

bool batch_add(struct batch_item *batch, const struct message *message) {
    size_t offset = batch->json.len;

    message_json(&batch->json, message);
    if (batch->json.failed) {
        batch->json.failed = false;
        batch->json.len = offset;
        return false;
    }
    batch->messages[batch->count++] = (struct delivered){
        .room = message->room,
        .seq = message->seq,
        .offset = offset,
        .len = batch->json.len - offset,
    };
    return true;
}

void item_free(struct item *item) {
    if (!item) {
        return;
    }
    if (item->kind == ITEM_BATCH || item->kind == ITEM_PAGE) {
        buf_free(&((struct batch_item *)item)->json);
    }
    if (item->kind == ITEM_SYNC) {
        buf_free(&((struct sync_item *)item)->json);
    }
    if (item->kind == ITEM_SET) {
        access_set_free(((struct set_item *)item)->set);
    }
    if (item->kind == ITEM_KEYS) {
        keys_wipe(&((struct keys_item *)item)->keys);
    }
    free(item);
}
