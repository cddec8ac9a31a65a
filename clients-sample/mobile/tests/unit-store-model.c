/* The store against a plain model of it. A server's log grows, with edits and deletes; copies of
 * its entries, as they were at whatever moment, come in any order, repeated, with gaps, and edits
 * before what they edit; messages are written, refused, accepted; the process closes the file, or
 * is killed in the middle. After each step the store must hold what the model holds, and once
 * everything has come, what the server holds.
 *
 * HUM_SEED=N runs one seed, with what failed on its last line.
 */
#include "store-model.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- Into the store ---- */

static const char *words(int64_t seq) {
    static char texts[LOG_MAX + 1][8];
    if (seq == 0) {
        return NULL;
    }
    snprintf(texts[seq], sizeof texts[seq], "t%d", (int)seq);
    return texts[seq];
}

static hum_message message_of(const struct model *model, const struct copy *copy) {
    if (copy->room == ROOMS) {
        return (hum_message){.room = 99, .seq = 1, .kind = "text", .text = "x", .from = BOB};
    }
    const struct room *room = &model->rooms[copy->room];
    const struct entry *entry = &room->log[copy->seq];
    struct row row = seen_at(room, copy->seq, copy->at);
    return (hum_message){
        .room = room->id,
        .seq = copy->seq,
        .id = copy->seq,
        .kind = KINDS[entry->kind],
        .from = entry->from,
        .nonce = *entry->nonce ? entry->nonce : NULL,
        .text = words(row.says),
        .target = entry->target,
        .sent_at = entry->sent_at,
        .edited_at = row.edited_at,
        .deleted_at = row.deleted_at,
    };
}

static bool store_take_batch(struct world *world, const struct batch *batch, uint8_t *ret_took) {
    hum_message messages[BATCH_MAX];
    for (size_t i = 0; i < batch->count; i++) {
        messages[i] = message_of(&world->model, &batch->copies[i]);
    }
    return store_take(world->store, messages, batch->count, ret_took) == HUM_DONE;
}

static struct batch make_batch(struct world *world) {
    struct batch batch = {.count = 1 + chance(world, BATCH_MAX)};
    for (size_t i = 0; i < batch.count; i++) {
        int index = (int)chance(world, ROOMS);
        const struct room *room = &world->model.rooms[index];
        if (room->end == 0 || chance(world, 50) == 0) {
            batch.copies[i] = (struct copy){.room = ROOMS};
            continue;
        }
        uint64_t end = (uint64_t)room->end;
        /* Often the newest; often live, as it was when it was said. */
        uint64_t back = chance(world, 3) ? chance(world, end < 10 ? end : 10) : chance(world, end);
        int64_t seq = room->end - (int64_t)back;
        int64_t at = chance(world, 2) ? seq : seq + (int64_t)chance(world, back + 1);
        batch.copies[i] = (struct copy){index, seq, at};
    }
    return batch;
}

/* ---- Comparing ---- */

struct compare {
    struct world *world;
    struct room *room;
    int64_t seq, outgoing;
    bool same;
};

static void differ(struct compare *compare, const char *what, int64_t found) {
    if (compare->same && getenv("HUM_SEED")) {
        print_message("room %d seq %d: %s %lld\n", (int)compare->room->id, (int)compare->seq, what,
                      (long long)found);
    }
    compare->same = false;
}

static bool compare_outgoing(struct compare *compare, const hum_message *message) {
    struct model *model = &compare->world->model;
    const struct outgoing *next = NULL;
    for (int i = 0; i < model->outgoing_count; i++) {
        const struct outgoing *one = &model->outgoing[i];
        if (!one->gone && model->rooms[one->room].id == message->room &&
            one->place > compare->outgoing && (!next || one->place < next->place)) {
            next = one;
        }
    }
    if (!next || strcmp(next->nonce, message->nonce) != 0 || next->refused != !!message->refused) {
        differ(compare, "is not what should be in the outbox", 0);
        return false;
    }
    compare->outgoing = next->place;
    return true;
}

static bool compare_message(void *arg, const hum_message *message) {
    struct compare *compare = arg;
    if (message->seq == 0) {
        return compare_outgoing(compare, message);
    }
    do {
        compare->seq++;
    } while (compare->seq <= compare->room->end && !compare->room->rows[compare->seq].stored);
    if (compare->seq != message->seq) {
        differ(compare, "should come, not", message->seq);
        return false;
    }
    const struct row *row = &compare->room->rows[compare->seq];
    const struct entry *entry = &compare->room->log[compare->seq];
    const char *says = words(row->says);
    if (!says != !message->text || (says && strcmp(says, message->text) != 0)) {
        differ(compare, "says otherwise than", row->says);
    }
    if (row->edited_at != message->edited_at) {
        differ(compare, "edited at", message->edited_at);
    }
    if (row->deleted_at != message->deleted_at) {
        differ(compare, "deleted at", message->deleted_at);
    }
    if (strcmp(KINDS[entry->kind], message->kind) != 0 || entry->from != message->from ||
        entry->target != message->target || entry->sent_at != message->sent_at) {
        differ(compare, "is another", message->id);
    }
    return true;
}

static int64_t unread(const struct room *room) {
    int64_t count = 0;
    for (int64_t seq = room->read_seq + 1; seq <= room->end; seq++) {
        const struct row *row = &room->rows[seq];
        count += row->stored && room->log[seq].kind == TEXT && room->log[seq].from != ME &&
                 row->deleted_at == 0;
    }
    return count < 100 ? count : 100;
}

static bool compare_room(void *arg, const store_room *shown) {
    struct compare *compare = arg;
    const struct room *room = compare->room;
    const int64_t pairs[][2] = {
        {shown->low, room->low},
        {shown->whole, room->whole},
        {shown->shown.last_seq, room->last_seq},
        {shown->shown.read_seq, room->read_seq},
        {shown->shown.unread, unread(room)},
    };
    static const char *const NAMES[] = {"low", "whole", "last_seq", "read_seq", "unread"};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i][0] != pairs[i][1]) {
            differ(compare, NAMES[i], pairs[i][0]);
        }
    }
    return true;
}

static bool all_came(struct compare *compare) {
    for (int64_t seq = compare->seq + 1; seq <= compare->room->end; seq++) {
        if (compare->room->rows[seq].stored) {
            return false;
        }
    }
    struct model *model = &compare->world->model;
    for (int i = 0; i < model->outgoing_count; i++) {
        const struct outgoing *one = &model->outgoing[i];
        if (!one->gone && &model->rooms[one->room] == compare->room &&
            one->place > compare->outgoing) {
            return false;
        }
    }
    return true;
}

static bool same(struct world *world) {
    for (int i = 0; i < ROOMS; i++) {
        struct room *room = &world->model.rooms[i];
        struct compare compare = {.world = world, .room = room, .same = true};
        if (store_messages(world->store, room->id, 0, 1000, compare_message, &compare) ||
            store_room_of(world->store, room->id, compare_room, &compare)) {
            return false;
        }
        if (compare.same && !all_came(&compare)) {
            differ(&compare, "is the last that is there", 0);
        }
        if (!compare.same) {
            return false;
        }
    }
    return true;
}

/* ---- Steps ---- */

static void step_grow(struct world *world) {
    for (uint64_t n = chance(world, 6); n > 0; n--) {
        grow(world, &world->model.rooms[chance(world, ROOMS)], NULL);
    }
}

static bool visible(const struct row *left, const struct row *right) {
    return left->says != right->says || left->edited_at != right->edited_at ||
           left->deleted_at != right->deleted_at;
}

static int64_t most(const struct room *room) {
    int64_t seq = room->end;
    while (seq > 0 && !room->rows[seq].stored) {
        seq--;
    }
    return seq;
}

static void step_take(struct world *world) {
    struct batch batch = make_batch(world);
    uint8_t took[BATCH_MAX], expected[BATCH_MAX] = {0};
    assert_true(store_take_batch(world, &batch, took));
    for (size_t i = 0; i < batch.count; i++) {
        const struct copy *copy = &batch.copies[i];
        if (copy->room == ROOMS) {
            assert_int_equal(took[i], STORE_NO_ROOM);
            continue;
        }
        struct room *room = &world->model.rooms[copy->room];
        int64_t target = room->log[copy->seq].target ? room->log[copy->seq].target : copy->seq;
        struct row row = room->rows[copy->seq];
        struct row was = room->rows[target];
        model_take(&world->model, copy);
        expected[i] |= row.stored ? 0 : STORE_NEW;
        if ((row.stored && visible(&row, &room->rows[copy->seq])) ||
            (was.stored && visible(&was, &room->rows[target]))) {
            assert_true(took[i] & STORE_CHANGED);
        }
        assert_int_equal(took[i] & STORE_NEW, expected[i]);
    }
    for (size_t i = 0; i < batch.count; i++) {
        if (batch.copies[i].room != ROOMS) {
            const struct room *room = &world->model.rooms[batch.copies[i].room];
            assert_int_equal(!!(took[i] & STORE_GAP), most(room) > room->whole);
        }
    }
}

static void step_send(struct world *world) {
    struct model *model = &world->model;
    int index = (int)chance(world, ROOMS);
    if (model->outgoing_count == OUTGOING_MAX) {
        return;
    }
    struct outgoing one = {.room = index, .place = ++model->places};
    assert_int_equal(
        store_send(world->store, model->rooms[index].id, "mine", 0, world->clock, one.nonce),
        HUM_DONE);
    model->outgoing[model->outgoing_count++] = one;
}

static struct outgoing *any_outgoing(struct world *world) {
    int count = world->model.outgoing_count;
    return count ? &world->model.outgoing[chance(world, (uint64_t)count)] : NULL;
}

/* The server takes it, or has refused it; whatever the client thinks of it. */
static void step_answer(struct world *world) {
    struct outgoing *one = any_outgoing(world);
    if (!one) {
        return;
    }
    if (chance(world, 3) && !one->accepted) {
        struct room *room = &world->model.rooms[one->room];
        one->accepted = room->end < LOG_MAX;
        grow(world, room, one->nonce);
        return;
    }
    bool waits = !one->gone && !one->refused;
    assert_int_equal(store_refuse(world->store, one->nonce, "blocked"),
                     waits ? HUM_DONE : HUM_NOT_FOUND);
    one->refused |= waits;
}

static void step_decide(struct world *world) {
    struct outgoing *one = any_outgoing(world);
    if (!one) {
        return;
    }
    bool refused = !one->gone && one->refused;
    hum_result expected = refused ? HUM_DONE : HUM_NOT_FOUND;
    if (chance(world, 4)) {
        assert_int_equal(store_send_again(world->store, one->nonce), expected);
        one->place = refused ? ++world->model.places : one->place;
    } else {
        assert_int_equal(store_forget(world->store, one->nonce), expected);
        one->gone |= refused;
    }
    one->refused = false;
}

static void step_read(struct world *world) {
    struct room *room = &world->model.rooms[chance(world, ROOMS)];
    int64_t seq = (int64_t)chance(world, (uint64_t)room->end + 3);
    assert_int_equal(store_read(world->store, room->id, seq), HUM_DONE);
    seq = seq < room->last_seq ? seq : room->last_seq;
    room->read_seq = seq > room->read_seq ? seq : room->read_seq;
}

static void step_skip(struct world *world) {
    struct room *room = &world->model.rooms[chance(world, ROOMS)];
    int64_t seq = (int64_t)chance(world, (uint64_t)room->end + 1);
    bool restart = chance(world, 2);
    assert_int_equal((restart ? store_restart : store_whole)(world->store, room->id, seq),
                     HUM_DONE);
    if (seq <= room->whole) {
        return;
    }
    room->whole = seq;
    if (restart) {
        room->low = seq + 1;
        memset(room->rows, 0, sizeof room->rows[0] * (size_t)(seq + 1));
    }
    stretch(room);
}

static void open_store(struct world *world) {
    assert_int_equal(store_open(world->path, &world->store), HUM_DONE);
}

static void step_reopen(struct world *world) {
    store_close(world->store);
    open_store(world);
}

/* A child takes batches, and says so after each, until it is killed. */
static void be_killed(struct world *world, const struct batch *batches, int said) {
    uint8_t took[BATCH_MAX];
    if (store_open(world->path, &world->store) != HUM_DONE) {
        _exit(1);
    }
    for (int i = 0; i < KILL_BATCHES; i++) {
        if (!store_take_batch(world, &batches[i], took) || write(said, "x", 1) != 1) {
            _exit(1);
        }
    }
    pause();
    _exit(1);
}

static void step_kill(struct world *world) {
    static struct batch batches[KILL_BATCHES];
    int pipes[2];
    char byte;
    for (int i = 0; i < KILL_BATCHES; i++) {
        batches[i] = make_batch(world);
    }
    store_close(world->store);
    world->store = NULL;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        be_killed(world, batches, pipes[1]);
    }
    close(pipes[1]);
    int said = 0;
    int enough = (int)chance(world, KILL_BATCHES + 1);
    while (said < enough && read(pipes[0], &byte, 1) == 1) {
        said++;
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (read(pipes[0], &byte, 1) == 1) {
        said++;
    }
    close(pipes[0]);
    assert_true(said >= enough);
    open_store(world);
    for (int i = 0; i < said; i++) {
        model_take_batch(&world->model, &batches[i]);
    }
    /* One more may have been taken, whole, before it could say so. */
    if (said < KILL_BATCHES && !same(world)) {
        model_take_batch(&world->model, &batches[said]);
    }
}

/* Everything comes at last, in any order: then the client has what the server has. */
static void finish(struct world *world) {
    struct model *model = &world->model;
    uint8_t took[BATCH_MAX];
    for (int i = 0; i < ROOMS; i++) {
        struct room *room = &model->rooms[i];
        int64_t order[LOG_MAX] = {0};
        for (int64_t n = 0; n < room->end; n++) {
            int64_t at = (int64_t)chance(world, (uint64_t)n + 1);
            order[n] = order[at];
            order[at] = n + 1;
        }
        for (int64_t n = 0; n < room->end; n++) {
            int64_t left = room->end - order[n];
            int64_t at = order[n] + (int64_t)chance(world, (uint64_t)left + 1);
            struct batch batch = {.copies = {{i, order[n], at}}, .count = 1};
            assert_true(store_take_batch(world, &batch, took));
            model_take_batch(model, &batch);
        }
        assert_int_equal(room->low, 1);
        assert_int_equal(room->whole, room->end);
        for (int64_t seq = 1; seq <= room->end; seq++) {
            struct row truth = seen_at(room, seq, room->end);
            assert_false(visible(&truth, &room->rows[seq]));
        }
    }
    for (int i = 0; i < model->outgoing_count; i++) {
        assert_true(model->outgoing[i].gone || !model->outgoing[i].accepted);
    }
    assert_true(same(world));
}

static void begin(struct world *world) {
    store_session session = {
        .user = ME,
        .session = 1,
        .nickname = "alice",
        .refresh_token = "r",
        .mqtt_client_id = "1",
        .mqtt_username = "1",
        .mqtt_password = "p",
        .mqtt_tcp = "mqtt://127.0.0.1:1883",
    };
    open_store(world);
    assert_int_equal(store_session_put(world->store, &session), HUM_DONE);
    store_room rooms[ROOMS];
    for (int i = 0; i < ROOMS; i++) {
        struct room *room = &world->model.rooms[i];
        for (uint64_t n = chance(world, 80); n > 0; n--) {
            grow(world, room, NULL);
        }
        room->id = 10 + i;
        room->last_seq = room->end;
        room->low = room->end > 50 ? room->end - 49 : 1;
        room->whole = room->low - 1;
        rooms[i] = (store_room){
            .shown = {.id = room->id, .kind = "dm", .title = "bob", .last_seq = room->end},
            .topic = "dm/10",
        };
    }
    assert_int_equal(store_rooms_take(world->store, rooms, ROOMS, 50, NULL), HUM_DONE);
}

static void run_seed(uint64_t seed) {
    static const struct {
        void (*step)(struct world *world);
        uint64_t weight;
    } STEPS_TO_TAKE[] = {
        {step_grow, 30}, {step_take, 40}, {step_send, 4},   {step_answer, 6}, {step_decide, 4},
        {step_read, 6},  {step_skip, 2},  {step_reopen, 4}, {step_kill, 4},
    };
    struct world *world = calloc(1, sizeof *world);
    world->random = seed * 0x9e3779b97f4a7c15ULL + 1;
    world->clock = 1000;
    /* Kills are the process's, not the machine's: memory serves as well as a disk, and sooner. */
    bool memory = access("/dev/shm", W_OK) == 0;
    char folder[64];
    snprintf(folder, sizeof folder, "%s/hum-model-XXXXXX", memory ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(world->path, sizeof world->path, "%s/store", folder);
    begin(world);
    for (int i = 0; i < STEPS; i++) {
        uint64_t pick = chance(world, 100);
        size_t step = 0;
        while (pick >= STEPS_TO_TAKE[step].weight) {
            pick -= STEPS_TO_TAKE[step++].weight;
        }
        STEPS_TO_TAKE[step].step(world);
        if (!same(world)) {
            fail_msg("seed %llu, step %d of kind %zu: HUM_SEED=%llu shows it",
                     (unsigned long long)seed, i, step, (unsigned long long)seed);
        }
    }
    finish(world);
    store_close(world->store);
    unlink(world->path);
    rmdir(folder);
    free(world);
}

static void test_any_order(void **state) {
    (void)state;
    const char *one = getenv("HUM_SEED");
    if (one) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_seed(seed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
