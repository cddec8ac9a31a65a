/* The store, promise by promise of store.h. What random orders do to it: unit-store-model.c. */
#include "store.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ME = 1, BOB = 2, ROOM = 50, OTHER = 60, T0 = 1000 };

struct world {
    char folder[64], path[96];
    struct store *store;
};

static void reopen(struct world *world) {
    store_close(world->store);
    world->store = NULL;
    assert_int_equal(store_open(world->path, &world->store), HUM_DONE);
}

static int setup(void **state) {
    struct world *world = calloc(1, sizeof *world);
    strcpy(world->folder, "/tmp/hum-store-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof world->path, "%s/store", world->folder);
    reopen(world);
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    char path[128];
    store_close(world->store);
    static const char *const ENDS[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", world->path, ENDS[i]);
        unlink(path);
    }
    rmdir(world->folder);
    free(world);
    return 0;
}

static void sign_in(struct world *world, int64_t user) {
    store_session session = {
        .user = user,
        .session = 9,
        .nickname = "alice",
        .refresh_token = "refresh-secret",
        .mqtt_client_id = "9",
        .mqtt_username = "1",
        .mqtt_password = "mqtt-secret",
        .mqtt_until = 77,
        .mqtt_tcp = "mqtt://127.0.0.1:1883",
    };
    assert_int_equal(store_session_put(world->store, &session), HUM_DONE);
}

static store_room room_row(int64_t id, int64_t last_seq, int64_t read_seq, int64_t unread) {
    return (store_room){.shown = {.id = id,
                                  .kind = "dm",
                                  .title = "bob",
                                  .last_seq = last_seq,
                                  .read_seq = read_seq,
                                  .unread = unread,
                                  .can_send = true},
                        .topic = "dm/50"};
}

static bool rooms_are(struct world *world, const store_room *rooms, size_t count, int64_t first) {
    bool changed = false;
    assert_int_equal(store_rooms_take(world->store, rooms, count, first, &changed), HUM_DONE);
    return changed;
}

static int setup_room(void **state) {
    setup(state);
    sign_in(*state, ME);
    rooms_are(*state, (store_room[]){room_row(ROOM, 0, 0, 0), room_row(OTHER, 0, 0, 0)}, 2, 50);
    return 0;
}

static hum_message text(int64_t seq, const char *says) {
    return (hum_message){.room = ROOM,
                         .seq = seq,
                         .id = 100 + seq,
                         .kind = "text",
                         .from = BOB,
                         .text = says,
                         .sent_at = T0 + seq};
}

static hum_message entry(const char *kind, int64_t seq, int64_t target, const char *says) {
    hum_message message = text(seq, says);
    message.kind = kind;
    message.target = target;
    return message;
}

static uint8_t take(struct world *world, hum_message message) {
    uint8_t took = 0xff;
    assert_int_equal(store_take(world->store, &message, 1, &took), HUM_DONE);
    return took;
}

/* ---- Looking ---- */

struct look {
    char rows[4096];
    store_room room;
};

static bool look_message(void *arg, const hum_message *message) {
    struct look *look = arg;
    size_t used = strlen(look->rows);
    snprintf(look->rows + used, sizeof look->rows - used, "%s%d %s%s%s%s%s", used ? ", " : "",
             (int)message->seq, message->text ? message->text : "-", message->edited_at ? " e" : "",
             message->deleted_at ? " d" : "", message->refused ? " " : "",
             message->refused ? message->refused : "");
    return true;
}

static void assert_messages(struct world *world, const char *rows) {
    struct look look = {0};
    assert_int_equal(store_messages(world->store, ROOM, 0, 100, look_message, &look), HUM_DONE);
    assert_string_equal(look.rows, rows);
}

static bool look_room(void *arg, const store_room *room) {
    ((struct look *)arg)->room = *room;
    return true;
}

static store_room room_now(struct world *world, int64_t id) {
    struct look look = {0};
    assert_int_equal(store_room_of(world->store, id, look_room, &look), HUM_DONE);
    return look.room; /* its texts are gone by now */
}

static void assert_reach(struct world *world, int64_t low, int64_t whole) {
    store_room room = room_now(world, ROOM);
    assert_int_equal(room.low, low);
    assert_int_equal(room.whole, whole);
}

/* ---- Life ---- */

static void test_modes(void **state) {
    struct world *world = *state;
    sign_in(world, ME);
    struct stat status;
    char log[128];
    snprintf(log, sizeof log, "%s-wal", world->path);
    assert_int_equal(stat(world->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(stat(log, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    /* One that others could read is closed to them. */
    store_close(world->store);
    world->store = NULL;
    assert_int_equal(chmod(world->path, 0644), 0);
    reopen(world);
    assert_int_equal(stat(world->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_one_at_a_time(void **state) {
    struct world *world = *state;
    struct store *second = NULL;
    assert_int_equal(store_open(world->path, &second), HUM_STORE_IN_USE);
    pid_t child = fork();
    if (child == 0) {
        _exit(store_open(world->path, &second) == HUM_STORE_IN_USE ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_null(second);
    /* and the first goes on */
    sign_in(world, ME);
}

static void raw(struct world *world, const char *sql) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_not_ours(void **state) {
    struct world *world = *state;
    struct store *store = NULL;
    store_close(world->store);
    world->store = NULL;
    raw(world, "PRAGMA user_version = 2");
    assert_int_equal(store_open(world->path, &store), HUM_NO_STORE);
    raw(world, "PRAGMA user_version = 1; PRAGMA application_id = 5");
    assert_int_equal(store_open(world->path, &store), HUM_NO_STORE);
    FILE *file = fopen(world->path, "w");
    for (int i = 0; i < 1000; i++) {
        fputs("no database\n", file);
    }
    fclose(file);
    assert_int_equal(store_open(world->path, &store), HUM_NO_STORE);
    assert_int_equal(store_open("/nowhere/store", &store), HUM_NO_STORE);
    assert_int_equal(store_open(world->folder, &store), HUM_NO_STORE);
    assert_int_equal(store_open("", &store), HUM_WRONG_USE);
    assert_int_equal(store_open(":memory:", &store), HUM_WRONG_USE);
    assert_null(store);
}

static bool file_has(const char *path, const char *needle) {
    FILE *file = fopen(path, "r");
    if (!file) {
        return false;
    }
    char *bytes = malloc(1 << 22);
    size_t length = fread(bytes, 1, 1 << 22, file);
    fclose(file);
    bool has = memmem(bytes, length, needle, strlen(needle));
    free(bytes);
    return has;
}

static bool is_anywhere(struct world *world, const char *needle) {
    char log[128];
    snprintf(log, sizeof log, "%s-wal", world->path);
    return file_has(world->path, needle) || file_has(log, needle);
}

static void test_empty_leaves_nothing(void **state) {
    struct world *world = *state;
    static char says[6001];
    memset(says, 'q', 6000);
    memcpy(says, "marmalade", 9);
    char nonce[STORE_NONCE_SIZE];
    take(world, text(1, "marmalade and toast"));
    take(world, text(2, says));
    assert_int_equal(store_send(world->store, ROOM, "marmalade again", 0, 5, nonce), HUM_DONE);
    store_number_put(world->store, "keepalive", 120);
    assert_true(is_anywhere(world, "marmalade"));
    assert_true(is_anywhere(world, "refresh-secret"));
    assert_int_equal(store_empty(world->store), HUM_DONE);
    assert_false(is_anywhere(world, "marmalade"));
    assert_false(is_anywhere(world, "qqqqqqqq"));
    assert_false(is_anywhere(world, "-secret"));
    assert_int_equal(store_number(world->store, "keepalive", -1), -1);
    store_session session;
    assert_int_equal(store_session_get(world->store, &session), HUM_NOT_SIGNED_IN);
    struct look look = {0};
    assert_int_equal(store_room_of(world->store, ROOM, look_room, &look), HUM_NOT_FOUND);
}

/* ---- Session and small things ---- */

static void test_session(void **state) {
    struct world *world = *state;
    store_session session;
    assert_int_equal(store_session_get(world->store, &session), HUM_NOT_SIGNED_IN);
    sign_in(world, ME);
    reopen(world);
    assert_int_equal(store_session_get(world->store, &session), HUM_DONE);
    assert_int_equal(session.user, ME);
    assert_int_equal(session.session, 9);
    assert_string_equal(session.refresh_token, "refresh-secret");
    assert_string_equal(session.mqtt_tcp, "mqtt://127.0.0.1:1883");
    assert_int_equal(session.mqtt_until, 77);
    assert_null(session.access_token);
    /* A renewed one takes its place. */
    session.access_token = strdup("access");
    session.access_until = 1234;
    assert_int_equal(store_session_put(world->store, &session), HUM_DONE);
    store_session_free(&session);
    assert_int_equal(store_session_get(world->store, &session), HUM_DONE);
    assert_string_equal(session.access_token, "access");
    assert_int_equal(session.access_until, 1234);
    store_session_free(&session);
}

static void test_another_user(void **state) {
    struct world *world = *state;
    take(world, text(1, "for alice only"));
    sign_in(world, ME);
    assert_messages(world, "1 for alice only");
    sign_in(world, BOB);
    struct look look = {0};
    assert_int_equal(store_messages(world->store, ROOM, 0, 9, look_message, &look), HUM_NOT_FOUND);
    assert_false(is_anywhere(world, "for alice only"));
}

static void test_notes(void **state) {
    struct world *world = *state;
    void *bytes = NULL;
    size_t length = 0;
    assert_int_equal(store_number(world->store, "n", 7), 7);
    assert_int_equal(store_number_put(world->store, "n", -5), HUM_DONE);
    assert_int_equal(store_bytes_put(world->store, "b", "a\0b", 3), HUM_DONE);
    reopen(world);
    assert_int_equal(store_number(world->store, "n", 7), -5);
    assert_int_equal(store_number(world->store, "b", 7), 7);
    assert_int_equal(store_bytes(world->store, "n", &bytes, &length), HUM_NOT_FOUND);
    assert_int_equal(store_bytes(world->store, "b", &bytes, &length), HUM_DONE);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "a\0b", 3);
    free(bytes);
    assert_int_equal(store_bytes_put(world->store, "b", "", 0), HUM_DONE);
    assert_int_equal(store_bytes(world->store, "b", &bytes, &length), HUM_NOT_FOUND);
    char *big = calloc(1, 65537);
    assert_int_equal(store_bytes_put(world->store, "b", big, 65536), HUM_DONE);
    assert_int_equal(store_bytes_put(world->store, "b", big, 65537), HUM_WRONG_USE);
    assert_int_equal(store_number_put(world->store, "", 1), HUM_WRONG_USE);
    memset(big, 'n', 65);
    big[65] = 0;
    assert_int_equal(store_number_put(world->store, big, 1), HUM_WRONG_USE);
    free(big);
}

static bool look_person(void *arg, const store_person *person) {
    struct look *look = arg;
    size_t used = strlen(look->rows);
    snprintf(look->rows + used, sizeof look->rows - used, "%d %s, ", (int)person->id,
             person->nickname);
    return true;
}

static void test_people(void **state) {
    struct world *world = *state;
    char name[16];
    assert_int_equal(store_nickname(world->store, BOB, name, sizeof name), HUM_NOT_FOUND);
    assert_string_equal(name, "");
    store_people_take(world->store, (store_person[]){{BOB, "bob"}, {3, "carol"}}, 2);
    store_friends_set(world->store, (store_person[]){{BOB, "bobby"}, {4, "dan"}}, 2);
    struct look look = {0};
    assert_int_equal(store_friends(world->store, look_person, &look), HUM_DONE);
    assert_string_equal(look.rows, "2 bobby, 4 dan, ");
    store_friends_set(world->store, (store_person[]){{3, "carol"}}, 1);
    look = (struct look){0};
    store_friends(world->store, look_person, &look);
    assert_string_equal(look.rows, "3 carol, ");
    assert_int_equal(store_nickname(world->store, BOB, name, sizeof name), HUM_DONE);
    assert_string_equal(name, "bobby");
    assert_int_equal(store_nickname(world->store, BOB, name, 4), HUM_DONE);
    assert_string_equal(name, "bob");
}

/* ---- Rooms ---- */

static void test_rooms_take(void **state) {
    struct world *world = *state;
    sign_in(world, ME);
    store_room rooms[] = {room_row(ROOM, 120, 100, 7), room_row(OTHER, 3, 0, 2)};
    assert_true(rooms_are(world, rooms, 2, 50));
    assert_false(rooms_are(world, rooms, 2, 50));
    assert_reach(world, 71, 70);
    assert_int_equal(room_now(world, ROOM).shown.unread, 7);
    assert_int_equal(room_now(world, OTHER).low, 1);
    assert_int_equal(room_now(world, OTHER).whole, 0);
    /* Neither the end nor the mark goes back; a title may change. */
    rooms[0] = room_row(ROOM, 110, 90, 0);
    rooms[0].shown.title = "robert";
    assert_true(rooms_are(world, rooms, 2, 50));
    assert_int_equal(room_now(world, ROOM).shown.last_seq, 120);
    assert_int_equal(room_now(world, ROOM).shown.read_seq, 100);
    assert_reach(world, 71, 70);
    /* What is no longer there goes with all that was in it. */
    hum_message message = text(1, "hi");
    message.room = OTHER;
    take(world, message);
    assert_int_equal(store_send(world->store, OTHER, "x", 0, 1, NULL), HUM_DONE);
    assert_true(rooms_are(world, rooms, 1, 50));
    struct look look = {0};
    assert_int_equal(store_messages(world->store, OTHER, 0, 9, look_message, &look), HUM_NOT_FOUND);
    assert_int_equal(store_send(world->store, OTHER, "x", 0, 1, NULL), HUM_NOT_FOUND);
    assert_true(rooms_are(world, (store_room[]){rooms[0], room_row(OTHER, 1, 0, 1)}, 2, 50));
    assert_int_equal(store_messages(world->store, OTHER, 0, 9, look_message, &look), HUM_DONE);
    assert_string_equal(look.rows, "");
}

static bool look_ids(void *arg, const store_room *room) {
    struct look *look = arg;
    size_t used = strlen(look->rows);
    snprintf(look->rows + used, sizeof look->rows - used, "%d %s %s, ", (int)room->shown.id,
             room->topic, room->shown.title ? room->shown.title : "-");
    return true;
}

static void test_rooms_in_order(void **state) {
    struct world *world = *state;
    hum_message message = text(1, "hi");
    message.room = OTHER;
    message.sent_at = 5000;
    take(world, message);
    take(world, text(1, "before that"));
    struct look look = {0};
    assert_int_equal(store_rooms(world->store, look_ids, &look), HUM_DONE);
    assert_string_equal(look.rows, "60 dm/50 bob, 50 dm/50 bob, ");
    take(world, text(2, "x"));
    message = text(3, "later");
    message.sent_at = 6000;
    take(world, message);
    look = (struct look){0};
    store_rooms(world->store, look_ids, &look);
    assert_string_equal(look.rows, "50 dm/50 bob, 60 dm/50 bob, ");
}

static int64_t unread(struct world *world) { return room_now(world, ROOM).shown.unread; }

static void test_unread(void **state) {
    struct world *world = *state;
    take(world, text(1, "a"));
    take(world, text(2, "b"));
    hum_message mine = text(3, "mine");
    mine.from = ME;
    take(world, mine);
    assert_int_equal(unread(world), 2);
    take(world, entry("edit", 4, 2, "b2"));
    assert_int_equal(unread(world), 2);
    take(world, entry("delete", 5, 2, NULL));
    assert_int_equal(unread(world), 1);
    assert_int_equal(store_read(world->store, ROOM, 1), HUM_DONE);
    assert_int_equal(unread(world), 0);
    for (int seq = 6; seq < 150; seq++) {
        take(world, text(seq, "x"));
    }
    assert_int_equal(unread(world), 100);
}

/* What lies below the stored part was counted by the server, and holds until the mark moves. */
static void test_unread_below(void **state) {
    struct world *world = *state;
    sign_in(world, ME);
    rooms_are(world, (store_room[]){room_row(ROOM, 120, 20, 80)}, 1, 50);
    for (int seq = 71; seq <= 120; seq++) {
        take(world, text(seq, "x"));
    }
    assert_int_equal(unread(world), 80);
    store_read(world->store, ROOM, 100);
    assert_int_equal(unread(world), 20);
}

static void test_whole_and_restart(void **state) {
    struct world *world = *state;
    take(world, text(1, "a"));
    take(world, text(5, "e"));
    assert_reach(world, 1, 1);
    /* The server has nothing between. */
    store_whole(world->store, ROOM, 4);
    assert_reach(world, 1, 5);
    store_whole(world->store, ROOM, 3);
    assert_reach(world, 1, 5);
    take(world, text(901, "f"));
    store_restart(world->store, ROOM, 5);
    assert_reach(world, 1, 5);
    store_restart(world->store, ROOM, 900);
    assert_reach(world, 901, 901);
    assert_messages(world, "901 f");
    assert_int_equal(store_restart(world->store, ROOM, INT64_MAX), HUM_WRONG_USE);
}

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
    assert_false(is_anywhere(world, "nowhere"));
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
        memcpy(big + 4 * i, "\xf0\x9f\x98\x80", 4);
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

/* ---- Threads, callbacks, kills ---- */

static bool call_back(void *arg, const hum_message *message) {
    struct world *world = arg;
    struct look look = {0};
    assert_int_equal(store_messages(world->store, ROOM, 0, 9, look_message, &look), HUM_DONE);
    take(world, text(message->seq + 10, "from a callback"));
    assert_string_equal(message->text, "a");
    return false;
}

static void test_callbacks_may_call(void **state) {
    struct world *world = *state;
    take(world, text(1, "a"));
    take(world, text(2, "b"));
    assert_int_equal(store_messages(world->store, ROOM, 0, 9, call_back, world), HUM_DONE);
    assert_messages(world, "1 a, 2 b, 11 from a callback");
}

static void *write_and_take(void *arg) {
    struct world *world = arg;
    for (int i = 0; i < 50; i++) {
        char nonce[STORE_NONCE_SIZE];
        struct look look = {0};
        assert_int_equal(store_send(world->store, ROOM, "x", 0, 1, nonce), HUM_DONE);
        take(world, text(i + 1, "t"));
        assert_int_equal(store_room_of(world->store, ROOM, look_room, &look), HUM_DONE);
        assert_int_equal(store_refuse(world->store, nonce, "blocked"), HUM_DONE);
        assert_int_equal(store_forget(world->store, nonce), HUM_DONE);
    }
    return NULL;
}

static void test_threads(void **state) {
    struct world *world = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_and_take, world), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_outbox(world, "");
    assert_reach(world, 1, 50);
}

static bool count_message(void *arg, const hum_message *message) {
    ((struct look *)arg)->room.low += message->seq == 0;
    return true;
}

/* A file size limit is as good as a full disk: what does not fit is not done at all. */
static void test_full_disk(void **state) {
    struct world *world = *state;
    store_close(world->store);
    world->store = NULL;
    pid_t child = fork();
    if (child == 0) {
        reopen(world);
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){200 * 1024, 200 * 1024});
        static char says[4001];
        memset(says, 'x', 4000);
        int sent = 0;
        while (sent < 1000 && store_send(world->store, ROOM, says, 0, 1, NULL) == HUM_DONE) {
            sent++;
        }
        uint8_t took = 7;
        hum_message message = text(1, says);
        bool refused = store_take(world->store, &message, 1, &took) == HUM_NO_STORE && took == 0;
        _exit(refused ? sent : 255);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 1, 254);
    reopen(world);
    struct look look = {0};
    look.room.low = 0;
    assert_int_equal(store_messages(world->store, ROOM, 0, 9, count_message, &look), HUM_DONE);
    assert_int_equal(look.room.low, WEXITSTATUS(status));
    assert_int_equal(store_send(world->store, ROOM, "room again", 0, 1, NULL), HUM_DONE);
}

int main(void) {
#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, setup_room, teardown)
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        EMPTY(test_modes),
        EMPTY(test_one_at_a_time),
        EMPTY(test_not_ours),
        IN_ROOM(test_empty_leaves_nothing),
        EMPTY(test_session),
        IN_ROOM(test_another_user),
        EMPTY(test_notes),
        EMPTY(test_people),
        EMPTY(test_rooms_take),
        IN_ROOM(test_rooms_in_order),
        IN_ROOM(test_unread),
        EMPTY(test_unread_below),
        IN_ROOM(test_whole_and_restart),
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
        IN_ROOM(test_callbacks_may_call),
        IN_ROOM(test_threads),
        IN_ROOM(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
