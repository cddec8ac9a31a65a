/* The store: messages, edits and deletes, the outbox, read marks. */
#include "store-world.h"

/* ---- Messages ---- */

static void test_take_in_order(void **state) {
    struct world *world = *state;
    assert_int_equal(take(world, text(1, "a")), STORE_NEW);
    assert_int_equal(take(world, text(1, "a")), 0);
    assert_int_equal(take(world, text(3, "c")), STORE_NEW | STORE_GAP);
    assert_int_equal(take(world, text(3, "c")), STORE_GAP);
    assert_reach(world, 1, 1);
    assert_int_equal(take(world, text(2, "b")), STORE_NEW);
    assert_reach(world, 1, 3);
    assert_messages(world, "1 a, 2 b, 3 c");
    assert_int_equal(room_now(world, ROOM).shown.last_seq, 3);
    struct look look = {0};
    store_messages(world->store, ROOM, 3, 1, look_message, &look);
    assert_string_equal(look.rows, "2 b");
}

static void test_take_older(void **state) {
    struct world *world = *state;
    sign_in(world, ME);
    rooms_are(world, (store_room[]){room_row(ROOM, 60, 60, 0)}, 1, 2);
    assert_int_equal(take(world, text(60, "z")), STORE_NEW | STORE_GAP);
    assert_int_equal(take(world, text(59, "y")), STORE_NEW);
    assert_reach(world, 59, 60);
    assert_int_equal(take(world, text(57, "w")), STORE_NEW);
    assert_reach(world, 59, 60);
    assert_int_equal(take(world, text(58, "x")), STORE_NEW);
    assert_reach(world, 57, 60);
}

static void test_take_nonsense(void **state) {
    struct world *world = *state;
    hum_message message = text(0, "x");
    assert_int_equal(take(world, message), 0);
    message = text(1, "x");
    message.kind = NULL;
    assert_int_equal(take(world, message), 0);
    assert_int_equal(take(world, entry("edit", 3, 3, "x")), 0);
    assert_int_equal(take(world, entry("edit", 3, -1, "x")), 0);
    message = text(1, "x");
    message.room = 51;
    assert_int_equal(take(world, message), STORE_NO_ROOM);
    assert_int_equal(take(world, text(INT64_MAX, "far")), STORE_NEW | STORE_GAP);
    assert_int_equal(take(world, text(1, NULL)), STORE_NEW | STORE_GAP);
    assert_reach(world, 1, 1);
    assert_int_equal(store_whole(world->store, ROOM, INT64_MAX), HUM_DONE);
    assert_reach(world, 1, INT64_MAX);
    /* An entry that points at a notice, or at another entry, changes nothing. */
    take(world, entry("dm_opened", 2, 0, NULL));
    assert_int_equal(take(world, entry("edit", 3, 2, "x")), STORE_NEW);
}

static void test_edits(void **state) {
    struct world *world = *state;
    take(world, text(1, "a"));
    assert_int_equal(take(world, entry("edit", 2, 1, "b")), STORE_NEW | STORE_CHANGED);
    assert_int_equal(take(world, entry("edit", 2, 1, "b")), 0);
    assert_messages(world, "1 b e, 2 b");
    assert_int_equal(take(world, text(1, "a")), 0); /* a late live copy */
    assert_messages(world, "1 b e, 2 b");
    take(world, entry("edit", 4, 1, "d"));
    take(world, entry("edit", 3, 1, "c")); /* late */
    assert_messages(world, "1 d e, 2 b, 3 c, 4 d");
}

static void test_edits_of_one_moment(void **state) {
    struct world *world = *state;
    hum_message first = entry("edit", 2, 1, "b");
    hum_message second = entry("edit", 3, 1, "c");
    first.sent_at = second.sent_at = T0 + 9;
    take(world, second);
    take(world, text(1, "a"));
    take(world, first);
    assert_messages(world, "1 c e, 2 b, 3 c");
}

static void test_edits_before_target(void **state) {
    struct world *world = *state;
    take(world, entry("edit", 3, 1, "c"));
    take(world, entry("edit", 2, 1, "b"));
    assert_int_equal(take(world, text(1, "a")), STORE_NEW | STORE_CHANGED);
    assert_messages(world, "1 c e, 2 b, 3 c");
}

/* A copy out of history shows the edit already, and its entry comes after it. */
static void test_edited_copy(void **state) {
    struct world *world = *state;
    hum_message copy = text(1, "b");
    copy.edited_at = T0 + 2;
    take(world, text(1, "a"));
    assert_int_equal(take(world, copy), STORE_CHANGED);
    take(world, entry("edit", 2, 1, "b"));
    assert_int_equal(take(world, copy), 0);
    assert_messages(world, "1 b e, 2 b");
}

static void test_deletes(void **state) {
    struct world *world = *state;
    take(world, text(1, "a"));
    take(world, entry("edit", 2, 1, "b"));
    assert_int_equal(take(world, entry("delete", 3, 1, NULL)), STORE_NEW | STORE_CHANGED);
    assert_messages(world, "1 - e d, 2 - d, 3 -");
    assert_int_equal(take(world, entry("edit", 2, 1, "b")), 0);
    assert_int_equal(take(world, text(1, "a")), 0);
    assert_messages(world, "1 - e d, 2 - d, 3 -");
}

static void test_deletes_before_target(void **state) {
    struct world *world = *state;
    take(world, entry("delete", 3, 1, NULL));
    take(world, entry("edit", 2, 1, "b"));
    assert_messages(world, "2 - d, 3 -");
    take(world, text(1, "a"));
    assert_messages(world, "1 - e d, 2 - d, 3 -");
}

static void test_deleted_copy(void **state) {
    struct world *world = *state;
    hum_message copy = text(1, NULL);
    copy.edited_at = T0 + 2;
    copy.deleted_at = T0 + 3;
    take(world, text(1, "a"));
    take(world, entry("edit", 2, 1, "b"));
    assert_int_equal(take(world, copy), STORE_CHANGED);
    assert_messages(world, "1 - e d, 2 - d");
}

/* ---- Outbox ---- */

static bool look_outgoing(void *arg, int64_t place, const char *topic, const hum_message *message) {
    struct look *look = arg;
    assert_true(place > 0);
    assert_string_equal(topic, "dm/50");
    size_t used = strlen(look->rows);
    snprintf(look->rows + used, sizeof look->rows - used, "%s ", message->text);
    return true;
}

static void assert_outbox(struct world *world, const char *rows) {
    struct look look = {0};
    assert_int_equal(store_outbox(world->store, 0, 100, look_outgoing, &look), HUM_DONE);
    assert_string_equal(look.rows, rows);
}

static void test_outbox(void **state) {
    struct world *world = *state;
    char one[STORE_NONCE_SIZE], two[STORE_NONCE_SIZE], three[STORE_NONCE_SIZE];
    assert_int_equal(store_send(world->store, ROOM, "one", 0, 5, one), HUM_DONE);
    assert_int_equal(store_send(world->store, ROOM, "two", 0, 5, two), HUM_DONE);
    assert_int_equal(store_send(world->store, ROOM, "three", 1, 4, three), HUM_DONE);
    assert_int_equal(strlen(one), 32);
    assert_string_not_equal(one, two);
    reopen(world);
    assert_outbox(world, "one two three ");
    assert_int_equal(store_refuse(world->store, two, "not_friends"), HUM_DONE);
    assert_int_equal(store_refuse(world->store, two, "blocked"), HUM_NOT_FOUND);
    assert_outbox(world, "one three ");
    hum_message mine = text(1, "one");
    mine.nonce = one;
    assert_int_equal(take(world, mine), STORE_NEW); /* bob's, with the same nonce */
    mine.from = ME;
    mine.seq = 2;
    assert_int_equal(take(world, mine), STORE_NEW | STORE_OWN);
    assert_int_equal(take(world, mine), 0);
    assert_outbox(world, "three ");
    assert_messages(world, "1 one, 2 one, 0 two not_friends, 0 three");
    assert_int_equal(store_send_again(world->store, three), HUM_NOT_FOUND);
    assert_int_equal(store_forget(world->store, three), HUM_NOT_FOUND);
    assert_int_equal(store_send_again(world->store, two), HUM_DONE);
    assert_outbox(world, "three two ");
    store_refuse(world->store, three, "blocked");
    assert_int_equal(store_forget(world->store, three), HUM_DONE);
    assert_messages(world, "1 one, 2 one, 0 two");
}

static void test_what_may_be_sent(void **state) {
    struct world *world = *state;
    static char big[HUM_TEXT_MAX + 2];
    static const char GRIN[4] = {'\xf0', '\x9f', '\x98', '\x80'};
    struct {
        const char *text;
        hum_result result;
    } rows[] = {
        {NULL, HUM_WRONG_USE},
        {"", HUM_WRONG_USE},
        {"\xff", HUM_WRONG_USE},
        {"a\xc3", HUM_WRONG_USE},
        {"\xc0\x80", HUM_WRONG_USE},
        {"\xed\xa0\x80", HUM_WRONG_USE},
        {"\xf4\x90\x80\x80", HUM_WRONG_USE},
        {"\xe2\x82", HUM_WRONG_USE},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", HUM_DONE},
        {"\xf4\x8f\xbf\xbf", HUM_DONE},
        {"\xee\x80\x80\xed\x9f\xbf", HUM_DONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(store_send(world->store, ROOM, rows[i].text, 0, 1, NULL), rows[i].result);
    }
    memset(big, 'x', 4000);
    assert_int_equal(store_send(world->store, ROOM, big, 0, 1, NULL), HUM_DONE);
    big[4000] = 'x';
    assert_int_equal(store_send(world->store, ROOM, big, 0, 1, NULL), HUM_WRONG_USE);
    for (size_t i = 0; i < 4000; i++) {
        memcpy(big + 4 * i, GRIN, sizeof GRIN);
    }
    assert_int_equal(store_send(world->store, ROOM, big, 0, 1, NULL), HUM_DONE);
    assert_int_equal(store_send(world->store, ROOM, "x", -1, 1, NULL), HUM_WRONG_USE);
}

static void test_full_outbox(void **state) {
    struct world *world = *state;
    store_close(world->store);
    world->store = NULL;
    raw(world, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
               " INSERT INTO outbox (nonce, room, text, reply_to, written_at)"
               " SELECT 'n' || i, 50, 'x', 0, 1 FROM n");
    reopen(world);
    assert_int_equal(store_send(world->store, ROOM, "last", 0, 1, NULL), HUM_DONE);
    assert_int_equal(store_send(world->store, ROOM, "too many", 0, 1, NULL), HUM_FULL);
}

/* ---- Marks ---- */

static bool look_mark(void *arg, int64_t room, const char *topic, int64_t seq) {
    struct look *look = arg;
    size_t used = strlen(look->rows);
    snprintf(look->rows + used, sizeof look->rows - used, "%d %s %d, ", (int)room, topic, (int)seq);
    return true;
}

static void assert_marks(struct world *world, const char *rows) {
    struct look look = {0};
    assert_int_equal(store_marks(world->store, look_mark, &look), HUM_DONE);
    assert_string_equal(look.rows, rows);
}

static void test_marks(void **state) {
    struct world *world = *state;
    for (int seq = 1; seq <= 5; seq++) {
        take(world, text(seq, "x"));
    }
    assert_int_equal(store_read(world->store, 99, 1), HUM_NOT_FOUND);
    assert_int_equal(store_read(world->store, ROOM, 3), HUM_DONE);
    assert_int_equal(store_read(world->store, ROOM, 2), HUM_DONE);
    assert_marks(world, "50 dm/50 3, ");
    reopen(world);
    assert_int_equal(store_read(world->store, ROOM, 99), HUM_DONE);
    assert_marks(world, "50 dm/50 5, ");
    assert_int_equal(room_now(world, ROOM).shown.read_seq, 5);
    store_mark_told(world->store, ROOM, 3);
    assert_marks(world, "50 dm/50 5, ");
    assert_int_equal(room_now(world, ROOM).shown.read_seq, 5);
    store_mark_told(world->store, ROOM, 5);
    assert_marks(world, "");
    store_mark_told(world->store, ROOM, 7);
    assert_int_equal(room_now(world, ROOM).shown.read_seq, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_take_in_order),
        EMPTY(test_take_older),
        IN_ROOM(test_take_nonsense),
        IN_ROOM(test_edits),
        IN_ROOM(test_edits_of_one_moment),
        IN_ROOM(test_edits_before_target),
        IN_ROOM(test_edited_copy),
        IN_ROOM(test_deletes),
        IN_ROOM(test_deletes_before_target),
        IN_ROOM(test_deleted_copy),
        IN_ROOM(test_outbox),
        IN_ROOM(test_what_may_be_sent),
        IN_ROOM(test_full_outbox),
        IN_ROOM(test_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
