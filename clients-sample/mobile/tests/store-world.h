/* What the tests of the store share: a store in a folder of its own, and ways to look at it. */
#ifndef HUM_STORE_WORLD_H
#define HUM_STORE_WORLD_H

#include "store.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ME = 1, BOB = 2, ROOM = 50, OTHER = 60, T0 = 1000 };

struct world {
    char folder[64], path[96];
    struct store *store;
};

static inline void reopen(struct world *world) {
    store_close(world->store);
    world->store = NULL;
    assert_int_equal(store_open(world->path, &world->store), HUM_DONE);
}

static inline int setup(void **state) {
    struct world *world = calloc(1, sizeof *world);
    bool memory = access("/dev/shm", W_OK) == 0;
    snprintf(world->folder, sizeof world->folder, "%s/hum-store-XXXXXX",
             memory ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof world->path, "%s/store", world->folder);
    reopen(world);
    *state = world;
    return 0;
}

static inline int teardown(void **state) {
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

static inline void sign_in(struct world *world, int64_t user) {
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

static inline store_room room_row(int64_t id, int64_t last_seq, int64_t read_seq, int64_t unread) {
    return (store_room){.shown = {.id = id,
                                  .kind = "dm",
                                  .title = "bob",
                                  .last_seq = last_seq,
                                  .read_seq = read_seq,
                                  .unread = unread,
                                  .can_send = true},
                        .topic = "dm/50"};
}

static inline bool rooms_are(struct world *world, const store_room *rooms, size_t count,
                             int64_t first) {
    bool changed = false;
    assert_int_equal(store_rooms_take(world->store, rooms, count, first, &changed), HUM_DONE);
    return changed;
}

static inline int setup_room(void **state) {
    setup(state);
    sign_in(*state, ME);
    rooms_are(*state, (store_room[]){room_row(ROOM, 0, 0, 0), room_row(OTHER, 0, 0, 0)}, 2, 50);
    return 0;
}

static inline hum_message text(int64_t seq, const char *says) {
    return (hum_message){.room = ROOM,
                         .seq = seq,
                         .id = seq,
                         .kind = "text",
                         .from = BOB,
                         .text = says,
                         .sent_at = T0 + seq % T0};
}

static inline hum_message entry(const char *kind, int64_t seq, int64_t target, const char *says) {
    hum_message message = text(seq, says);
    message.kind = kind;
    message.target = target;
    return message;
}

static inline uint8_t take(struct world *world, hum_message message) {
    uint8_t took = 0xff;
    assert_int_equal(store_take(world->store, &message, 1, &took), HUM_DONE);
    return took;
}

/* ---- Looking ---- */

struct look {
    char rows[4096];
    store_room room;
};

static inline bool look_message(void *arg, const hum_message *message) {
    struct look *look = arg;
    size_t used = strlen(look->rows);
    snprintf(look->rows + used, sizeof look->rows - used, "%s%d %s%s%s%s%s", used ? ", " : "",
             (int)message->seq, message->text ? message->text : "-", message->edited_at ? " e" : "",
             message->deleted_at ? " d" : "", message->refused ? " " : "",
             message->refused ? message->refused : "");
    return true;
}

static inline void assert_messages(struct world *world, const char *rows) {
    struct look look = {0};
    assert_int_equal(store_messages(world->store, ROOM, 0, 100, look_message, &look), HUM_DONE);
    assert_string_equal(look.rows, rows);
}

static inline bool look_room(void *arg, const store_room *room) {
    ((struct look *)arg)->room = *room;
    return true;
}

static inline store_room room_now(struct world *world, int64_t id) {
    struct look look = {0};
    assert_int_equal(store_room_of(world->store, id, look_room, &look), HUM_DONE);
    return look.room; /* its texts are gone by now */
}

static inline void assert_reach(struct world *world, int64_t low, int64_t whole) {
    store_room room = room_now(world, ROOM);
    assert_int_equal(room.low, low);
    assert_int_equal(room.whole, whole);
}

static inline void raw(struct world *world, const char *sql) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static inline bool file_has(const char *path, const char *needle) {
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

static inline bool is_anywhere(struct world *world, const char *needle) {
    char log[128];
    snprintf(log, sizeof log, "%s-wal", world->path);
    return file_has(world->path, needle) || file_has(log, needle);
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, setup_room, teardown)
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
