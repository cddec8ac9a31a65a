/* Items and batches. */
#include "unit.h"

#include "items.h"

static struct message message_of(int64_t room, int64_t seq, struct str text) {
    return (struct message){
        .room = room, .seq = seq, .id = seq, .from = 1, .kind = MESSAGE_TEXT, .text = text};
}

/* Each message stands alone in the buffer, where the batch says. */
static void test_batch(void **state) {
    enum { MESSAGES = 200 };
    struct batch_item *batch = batch_new(ITEM_BATCH, MESSAGES);

    (void)state;
    assert_non_null(batch);
    assert_int_equal(batch->item.kind, ITEM_BATCH);
    assert_int_equal(batch->count, 0);
    for (int64_t i = 0; i < MESSAGES; i++) {
        struct message message = message_of(i % 7 + 1, i + 1, str_of("hi \"you\""));

        assert_true(batch_add(batch, &message));
    }
    assert_int_equal(batch->count, MESSAGES);
    for (int64_t i = 0; i < MESSAGES; i++) {
        const struct delivered *there = &batch->messages[i];
        struct message message = message_of(i % 7 + 1, i + 1, str_of("hi \"you\""));
        struct buf json;

        buf_init(&json, 1000);
        message_json(&json, &message);
        assert_int_equal(there->room, message.room);
        assert_int_equal(there->seq, message.seq);
        assert_int_equal(there->len, json.len);
        assert_memory_equal(batch->json.data + there->offset, json.data, json.len);
        buf_free(&json);
    }
    item_free(&batch->item);
}

/* A message that finds no room leaves the batch as it was, and the next one may fit. */
static void test_batch_at_its_bound(void **state) {
    struct batch_item *batch = batch_new(ITEM_PAGE, 3);
    struct message large = message_of(5, 2, str_of("longer than what is left"));
    struct message small = message_of(5, 1, str_of(""));

    (void)state;
    assert_int_equal(batch->item.kind, ITEM_PAGE);
    assert_true(batch_add(batch, &small));
    size_t len = batch->json.len;
    batch->json.max = 2 * len;
    assert_false(batch_add(batch, &large));
    assert_int_equal(batch->count, 1);
    assert_int_equal(batch->json.len, len);
    assert_true(batch_add(batch, &small));
    assert_int_equal(batch->count, 2);
    assert_int_equal(batch->messages[1].offset, len);
    assert_memory_equal(batch->json.data, batch->json.data + len, len);
    assert_false(batch_add(batch, &small));
    assert_int_equal(batch->count, 2);
    item_free(&batch->item);
}

static void test_empty_batch(void **state) {
    struct batch_item *batch = batch_new(ITEM_PAGE, 0);

    (void)state;
    assert_int_equal(batch->count, 0);
    item_free(&batch->item);
}

/* LeakSanitizer looks on. */
static void test_items_are_freed(void **state) {
    struct set_item *full = item_new(ITEM_SET, sizeof *full);
    struct set_item *taken = item_new(ITEM_SET, sizeof *taken);
    struct head_item *head = item_new(ITEM_HEAD, sizeof *head);
    const struct access_right right = {.room = 5, .kind = ROOM_DM, .rights = 3};

    (void)state;
    full->set = access_set_new(5);
    assert_int_equal(access_set_right(full->set, &right), HUM_OK);
    assert_int_equal(access_set_session(full->set, 6, 7), HUM_OK);
    assert_int_equal(access_set_friend(full->set, 8), HUM_OK);
    item_free(&full->item);
    assert_null(taken->set);
    item_free(&taken->item);
    assert_int_equal(head->item.kind, ITEM_HEAD);
    assert_int_equal(head->seq, 0);
    item_free(&head->item);
    struct sync_item *sync = item_new(ITEM_SYNC, sizeof *sync);
    buf_init(&sync->json, 100);
    buf_text(&sync->json, "{}");
    item_free(&sync->item);
    item_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_batch_at_its_bound),
        cmocka_unit_test(test_empty_batch),
        cmocka_unit_test(test_items_are_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
