/* The store, promise by promise of store.h: life, session, people, rooms. The rest:
 * unit-store-messages.c; what random orders do to it: unit-store-model.c. */
#include "store-world.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

static void test_empty_leaves_nothing(void **state) {
    struct world *world = *state;
    static char says[6001];
    memset(says, 'q', 6000);
    static const char WORD[] = {"marmalade"};
    memcpy(says, WORD, sizeof WORD - 1);
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
    struct look look = {0};
    assert_int_equal(store_messages(world->store, ROOM, INT64_MAX, 1, look_message, &look), 0);
    assert_string_equal(look.rows, "50 t");
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
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){204800, 204800});
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
        IN_ROOM(test_callbacks_may_call),
        IN_ROOM(test_threads),
        IN_ROOM(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
