/* Delivery: whatever the order in which the writer's batches, notifications and pages come, each
 * subscriber gets each number once, in order, and in the end all of them.
 *
 * A model of what stands around it: a log for each room that the writer and the control API append
 * to; the writer's items come in one line, the listener's in another, and the broker's thread takes
 * from either. The listener sees a request or a notification at a time, and answers a request from
 * the log as it is at that moment. */
#include "unit.h"

#include <stdio.h>

#include "delivery.h"

enum { ROOMS = 3, LOG_MAX = 2000, LINE_MAX = 5000, PAGE = 3 };

struct line {
    struct item *items[LINE_MAX];
    size_t first, end;
};

struct wish {
    int64_t room;  /* 0: a notification of another room, told below */
    int64_t after; /* of a page; -1: a notification */
    int64_t seq;
};

static struct model {
    int64_t log[ROOMS + 1];  /* how many messages it holds */
    int64_t told[ROOMS + 1]; /* the last number that was published, live; -1: not live */
    uint32_t listeners[ROOMS + 1];
    struct line writer, listener; /* on their way to the broker's thread */
    struct wish wishes[LINE_MAX]; /* on their way to the listener */
    size_t first_wish, end_wish;
    size_t pages, published;
} model;

static struct rooms *rooms;
static struct delivery delivery;

/* ---- In place of the broker and the listener ---- */

int mosquitto_broker_publish_copy(const char *clientid, const char *topic, int payloadlen,
                                  const void *payload, int qos, bool retain, void *properties);

int mosquitto_broker_publish_copy(const char *clientid, const char *topic, int payloadlen,
                                  const void *payload, int qos, bool retain, void *properties) {
    long long room, seq;
    char start[100];
    size_t len = (size_t)payloadlen < sizeof start - 1 ? (size_t)payloadlen : sizeof start - 1;
    int64_t of_topic;

    memcpy(start, payload, len);
    start[len] = '\0';
    assert_null(clientid);
    assert_null(properties);
    assert_int_equal(qos, 1);
    assert_false(retain);
    assert_int_equal(sscanf(start, "{\"room\":\"%lld\",\"seq\":%lld,", &room, &seq), 2);
    assert_true(str_id((struct str){topic + 3, strcspn(topic + 3, "/")}, &of_topic));
    assert_int_equal(of_topic, room);
    assert_true(model.listeners[room] > 0);
    assert_int_equal(seq, model.told[room] + 1);
    assert_true(seq <= model.log[room]);
    model.told[room] = seq;
    model.published++;
    return 0;
}

static void wish(struct wish wished) {
    assert_true(model.end_wish < LINE_MAX);
    model.wishes[model.end_wish++] = wished;
}

bool listener_page(struct listener *listener, int64_t room, int64_t after) {
    (void)listener;
    model.pages++;
    wish((struct wish){.room = room, .after = after});
    return true;
}

bool listener_heads(struct listener *listener, const int64_t *ids, size_t count) {
    (void)listener;
    for (size_t i = 0; i < count; i++) {
        wish((struct wish){.room = ids[i], .after = -2});
    }
    return true;
}

/* ---- What happens ---- */

static void put(struct line *line, void *item) {
    assert_true(line->end < LINE_MAX);
    line->items[line->end++] = item;
}

static void add_message(struct batch_item *batch, int64_t room, int64_t seq) {
    const struct message message = {
        .room = room, .seq = seq, .id = seq, .from = 1, .kind = MESSAGE_TEXT, .text = {"x", 1}};

    assert_true(batch_add(batch, &message));
}

static void *head_of(int64_t room, int64_t seq) {
    struct head_item *head = item_new(ITEM_HEAD, sizeof *head);

    head->room = room;
    head->seq = seq;
    return head;
}

static int64_t any_room(void) { return (int64_t)(1 + dice(ROOMS)); }

/* The writer commits a few messages of any rooms; now and then one of them was known. */
static void writer_commits(void) {
    size_t count = (size_t)(1 + dice(6));
    struct batch_item *batch = batch_new(ITEM_BATCH, count);

    for (size_t i = 0; i < count; i++) {
        int64_t room = any_room();

        if (dice(8) == 0 && model.log[room] > 0) {
            put(&model.writer, head_of(room, (int64_t)(1 + dice((uint64_t)model.log[room]))));
        } else if (model.log[room] < LOG_MAX) {
            add_message(batch, room, ++model.log[room]);
        }
    }
    put(&model.writer, batch);
}

static void api_commits(void) {
    int64_t room = any_room();

    model.log[room]++;
    wish((struct wish){.room = room, .after = -1, .seq = model.log[room]});
}

static void listener_works(void) {
    if (model.first_wish == model.end_wish) {
        return;
    }
    struct wish wished = model.wishes[model.first_wish++];
    if (wished.after < 0) {
        int64_t seq = wished.after == -1 ? wished.seq : model.log[wished.room];

        put(&model.listener, head_of(wished.room, seq));
        return;
    }
    struct batch_item *page = batch_new(ITEM_PAGE, PAGE);
    page->room = wished.room;
    for (int64_t seq = wished.after + 1; seq <= model.log[wished.room] && page->count < PAGE;
         seq++) {
        add_message(page, wished.room, seq);
    }
    put(&model.listener, page);
}

static void broker_takes(struct line *line) {
    if (line->first == line->end) {
        return;
    }
    struct item *item = line->items[line->first++];
    if (item->kind == ITEM_BATCH) {
        delivery_batch(&delivery, (const struct batch_item *)item);
    } else if (item->kind == ITEM_PAGE) {
        delivery_page(&delivery, (const struct batch_item *)item);
    } else {
        const struct head_item *head = (const struct head_item *)item;

        delivery_head(&delivery, head->room, head->seq);
    }
    item_free(item);
}

static void listen_to(int64_t room) {
    rooms_listen(rooms, room);
    if (model.listeners[room]++ == 0) {
        model.told[room] = rooms_find(rooms, room)->head;
    }
}

static void unlisten_to(int64_t room) {
    if (model.listeners[room] > 0) {
        model.listeners[room]--;
        rooms_unlisten(rooms, room);
    }
}

static void anything(uint64_t churn) {
    uint64_t what = dice(100 + churn);

    if (what < 20) {
        writer_commits();
    } else if (what < 32) {
        api_commits();
    } else if (what < 60) {
        listener_works();
    } else if (what < 80) {
        broker_takes(&model.writer);
    } else if (what < 98) {
        broker_takes(&model.listener);
    } else if (what < 100) {
        delivery_check(&delivery); /* the link was lost and is back */
    } else if (dice(2)) {
        listen_to(any_room());
    } else {
        unlisten_to(any_room());
    }
}

static bool busy(void) {
    return model.first_wish < model.end_wish || model.writer.first < model.writer.end ||
           model.listener.first < model.listener.end;
}

/* Nothing new happens, and what is under way arrives. */
static void come_to_rest(void) {
    for (int i = 0; busy(); i++) {
        assert_true(i < 10 * LINE_MAX); /* fetching ends */
        listener_works();
        broker_takes(dice(2) ? &model.writer : &model.listener);
    }
    for (int64_t room = 1; room <= ROOMS; room++) {
        assert_false(rooms_find(rooms, room)->fetching);
        if (model.listeners[room] > 0) {
            assert_int_equal(model.told[room], model.log[room]);
        }
    }
}

static void play(uint64_t churn) {
    memset(&model, 0, sizeof model);
    rooms = rooms_new();
    delivery = (struct delivery){rooms, NULL};
    for (int64_t room = 1; room <= ROOMS; room++) {
        model.log[room] = (int64_t)dice(5);
        assert_true(rooms_hold(rooms, room, ROOM_DM, 0, model.log[room]));
        if (churn == 0) {
            listen_to(room);
        }
    }
    for (int i = 0; i < 600; i++) {
        anything(churn);
        if (dice(200) == 0) {
            come_to_rest();
        }
    }
    come_to_rest();
    rooms_free(rooms);
}

static void test_steady_listeners(void **state) {
    (void)state;
    for (int i = 0; i < 300; i++) {
        play(0);
    }
    assert_true(model.published > 300);
}

static void test_listeners_come_and_go(void **state) {
    (void)state;
    for (int i = 0; i < 300; i++) {
        play(10);
    }
}

/* A page that holds nothing ends it: what a number promised is not there. */
static void test_fetching_ends(void **state) {
    (void)state;
    memset(&model, 0, sizeof model);
    rooms = rooms_new();
    delivery = (struct delivery){rooms, NULL};
    model.log[1] = 5;
    assert_true(rooms_hold(rooms, 1, ROOM_DM, 0, 5));
    listen_to(1);
    delivery_head(&delivery, 1, 1000);
    for (int i = 0; i < 10; i++) {
        listener_works();
        broker_takes(&model.listener);
    }
    assert_int_equal(model.pages, 1);
    assert_false(rooms_find(rooms, 1)->fetching);

    /* The same with a hole in the page itself: it is not passed over, nor asked for for ever. */
    struct batch_item *page = batch_new(ITEM_PAGE, 1);
    page->room = 1;
    add_message(page, 1, 7);
    model.log[1] = 7;
    delivery_head(&delivery, 1, 7);
    delivery_page(&delivery, page);
    assert_int_equal(model.pages, 2);
    assert_int_equal(model.told[1], 5);
    item_free(&page->item);
    rooms_free(rooms);
}

/* Delivers the next message of room 1, with a text of so many bytes. */
static void deliver_text(size_t bytes) {
    char text[16 * 1024];
    struct batch_item *batch = batch_new(ITEM_BATCH, 1);
    const struct message message = {.room = 1,
                                    .seq = ++model.log[1],
                                    .id = 1,
                                    .from = 1,
                                    .kind = MESSAGE_TEXT,
                                    .text = {text, bytes}};

    memset(text, 'x', sizeof text);
    assert_true(batch_add(batch, &message));
    delivery_batch(&delivery, batch);
    item_free(&batch->item);
}

/* What WebSocket clients are sent in one round of the broker's loop is bounded: the plugin must ask
 * for as many as it takes, or each would come 100 ms after the other. */
static void test_rounds(void **state) {
    (void)state;
    memset(&model, 0, sizeof model);
    rooms = rooms_new();
    delivery = (struct delivery){rooms, NULL};
    assert_true(rooms_hold(rooms, 1, ROOM_DM, 0, 0));
    listen_to(1);
    (void)delivery_rounds();
    assert_int_equal(delivery_rounds(), 0);
    for (int i = 0; i < 100; i++) {
        deliver_text(100);
    }
    assert_int_equal(delivery_rounds(), 1); /* all small ones go at once */
    assert_int_equal(delivery_rounds(), 0);
    deliver_text(12000);
    size_t rounds = delivery_rounds();
    assert_true(rounds >= 4 && rounds <= 6);
    deliver_text(12000);
    deliver_text(12000);
    deliver_text(100);
    assert_int_equal(delivery_rounds(), 2 * (rounds - 1) + 1); /* one behind the other */
    rooms_free(rooms);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady_listeners),
        cmocka_unit_test(test_listeners_come_and_go),
        cmocka_unit_test(test_fetching_ends),
        cmocka_unit_test(test_rounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
