/* The writer between a real journal and a stand-in for PostgreSQL, which holds rooms, loses
 * connections before and after a commit, has no time, and objects to some messages: whatever comes,
 * each message is stored once, in the order of its room, and everybody is told. The statement
 * itself is tried on PostgreSQL in tests/sql. */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "append.h"
#include "writer.h"

enum { ROOMS = 7, GONE_ROOM = 7, STORED_MAX = 40000, BYTES = 512 * 1024, BATCH = 1000 };

/* ---- The stand-in ---- */

struct pg {
    int unused;
};

struct pg_params {
    const int64_t *ints[8];
    struct str *texts[4];
    size_t counts[8], int_arrays, text_arrays;
    int64_t numbers[4];
    size_t number_count;
    struct str strings[4];
    size_t string_count;
    bool lookup;
};

struct pg_result {
    size_t rows;
    int64_t cells[BATCH][5];
};

struct stored {
    int64_t room, sender;
    char nonce[16];
};

static struct {
    pthread_mutex_t lock;
    bool away, locked[ROOMS + 1];
    int lost, busy; /* one of so many calls; 0: none */
    struct stored list[STORED_MAX];
    size_t count, aside; /* aside: of the poison */
    int64_t seq[ROOMS + 1];
} base = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hold(void) { pthread_mutex_lock(&base.lock); }
static void let_go(void) { pthread_mutex_unlock(&base.lock); }

enum pg_outcome pg_open(const struct pg_config *config, struct pg **ret_pg, char *error,
                        size_t error_size) {
    static struct pg one;

    (void)config;
    hold();
    bool away = base.away;
    let_go();
    snprintf(error, error_size, "away");
    *ret_pg = away ? NULL : &one;
    return away ? PG_LOST : PG_DONE;
}

void pg_close(struct pg *pg) { (void)pg; }
void pg_interrupt(struct pg *pg) { (void)pg; }
const char *pg_error(const struct pg *pg) { return pg ? "the stand-in's error" : ""; }
struct pg_params *pg_params_new(void) {
    return calloc(1, sizeof(struct pg_params));
}

void pg_params_reset(struct pg_params *params) {
    for (size_t i = 0; i < COUNT(params->ints); i++) {
        free((void *)(uintptr_t)params->ints[i]);
    }
    for (size_t i = 0; i < COUNT(params->texts); i++) {
        free(params->texts[i]);
    }
    *params = (struct pg_params){0};
}

void pg_params_free(struct pg_params *params) {
    if (params) {
        pg_params_reset(params);
        free(params);
    }
}

void pg_add_int(struct pg_params *params, int64_t value) {
    params->numbers[params->number_count++] = value;
}

void pg_add_bool(struct pg_params *params, bool value) { params->lookup = value; }

void pg_add_text(struct pg_params *params, struct str text) {
    params->strings[params->string_count++] = text;
}

void pg_add_bytes(struct pg_params *params, struct str bytes) { pg_add_text(params, bytes); }

void pg_add_int_array(struct pg_params *params, const int64_t *values, size_t count,
                      bool zero_is_null) {
    int64_t *copy = calloc(count + 1, sizeof *copy);

    (void)zero_is_null;
    memcpy(copy, values, count * sizeof *copy);
    params->counts[params->int_arrays] = count;
    params->ints[params->int_arrays++] = copy;
}

void pg_add_text_array(struct pg_params *params, const struct str *values, size_t count) {
    struct str *copy = calloc(count + 1, sizeof *copy);

    memcpy(copy, values, count * sizeof *copy);
    params->texts[params->text_arrays++] = copy;
}

void pg_add_uuid_array(struct pg_params *params, const unsigned char *keys, const bool *has_key,
                       size_t count) {
    (void)params;
    (void)has_key;
    assert_true(keys && count > 0);
}

void pg_add_json_array(struct pg_params *params, const struct str *values, size_t count) {
    (void)params;
    assert_true(!values && count > 0);
}

size_t pg_rows(const struct pg_result *result) { return result->rows; }

int64_t pg_get_int(const struct pg_result *result, size_t row, int column) {
    return result->cells[row][column];
}

void pg_result_free(struct pg_result *result) { free(result); }

/* The message's number in its room, 0: it is not there. */
static int64_t seq_of(int64_t room, int64_t sender, struct str nonce) {
    int64_t seq = 0;

    for (size_t i = 0; i < base.count; i++) {
        const struct stored *stored = &base.list[i];

        seq += stored->room == room;
        if (stored->room == room && stored->sender == sender &&
            str_equal(nonce, str_of(stored->nonce))) {
            return seq;
        }
    }
    return 0;
}

static void store(int64_t room, int64_t sender, struct str nonce) {
    struct stored *stored = &base.list[base.count++];

    assert_true(base.count < STORED_MAX && nonce.len < sizeof stored->nonce);
    stored->room = room;
    stored->sender = sender;
    snprintf(stored->nonce, sizeof stored->nonce, "%.*s", (int)nonce.len, nonce.data);
    base.seq[room]++;
}

static bool is_poison(struct str text) { return str_equal(text, str_of("poison")); }

/* What both statements ask for, message by message. */
static bool is_short(const struct pg_params *params) { return params->int_arrays == 7; }

static size_t message_count(const struct pg_params *params) {
    return params->counts[is_short(params) ? 3 : 0];
}

static int64_t room_of(const struct pg_params *params, size_t i) {
    return is_short(params) ? params->ints[0][params->ints[3][i] - 1] : params->ints[0][i];
}

static int64_t sender_of(const struct pg_params *params, size_t i) {
    return params->ints[is_short(params) ? 5 : 1][i];
}

/* What fails the statement as a whole, before anything is stored. */
static enum pg_outcome objection(const struct pg_params *params, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t room = room_of(params, i), sender = sender_of(params, i);

        if (is_poison(params->texts[1][i])) {
            return PG_REJECTED;
        }
        if (params->lookup || base.locked[room]) {
            continue;
        }
        if (seq_of(room, sender, params->texts[0][i]) > 0) {
            return PG_CONFLICT;
        }
        for (size_t n = 0; n < i; n++) {
            if (room_of(params, n) == room && sender_of(params, n) == sender &&
                str_equal(params->texts[0][n], params->texts[0][i])) {
                return PG_CONFLICT;
            }
        }
    }
    return PG_DONE;
}

static void append_one(const struct pg_params *params, size_t i, int64_t *cells) {
    int64_t room = room_of(params, i), sender = sender_of(params, i);
    struct str nonce = params->texts[0][i];
    int64_t known = seq_of(room, sender, nonce);

    cells[0] = (int64_t)i + 1;
    if (room == GONE_ROOM) {
        cells[1] = APPEND_GONE;
    } else if (base.locked[room]) {
        cells[1] = APPEND_BUSY;
    } else if (known) {
        cells[1] = APPEND_KNOWN;
        cells[2] = known;
    } else {
        store(room, sender, nonce);
        cells[2] = base.seq[room];
        cells[3] = (int64_t)base.count;
        cells[4] = 1800000000000;
    }
}

/* The rows in any order: the statement promises none. */
static struct pg_result *append_all(const struct pg_params *params, size_t count) {
    struct pg_result *result = calloc(1, sizeof *result);

    result->rows = count;
    for (size_t i = 0; i < count; i++) {
        append_one(params, i, result->cells[count - 1 - i]);
    }
    return result;
}

static bool out_of_the_ordinary(const struct pg_params *params) {
    for (size_t i = 0; i < params->counts[0]; i++) {
        if (params->ints[0][i] == GONE_ROOM || base.locked[params->ints[0][i]]) {
            return true;
        }
    }
    return false;
}

/* A row a room: its number so far, the first id, the time. Or none. */
static struct pg_result *append_sorted(const struct pg_params *params, size_t count) {
    struct pg_result *result = calloc(1, sizeof *result);
    size_t rooms = params->counts[0];

    if (out_of_the_ordinary(params)) {
        return result;
    }
    result->rows = rooms;
    for (size_t i = 0; i < rooms; i++) {
        assert_true(i == 0 || params->ints[0][i - 1] < params->ints[0][i]);
        result->cells[i][0] = base.seq[params->ints[0][i]];
        result->cells[i][1] = (int64_t)base.count + 1;
        result->cells[i][2] = 1800000000000;
    }
    for (size_t i = 0; i < count; i++) {
        store(room_of(params, i), sender_of(params, i), params->texts[0][i]);
        assert_int_equal(base.seq[room_of(params, i)],
                         result->cells[params->ints[3][i] - 1][0] + params->ints[4][i]);
    }
    for (size_t i = 0; i < rooms; i++) {
        assert_int_equal(base.seq[params->ints[0][i]], result->cells[i][0] + params->ints[1][i]);
    }
    return result;
}

static bool one_of(int count) {
    static unsigned turns;

    turns = turns * 1103515245u + 12345u;
    return count > 0 && (turns >> 16) % (unsigned)count == 0;
}

static enum pg_outcome run_append(const struct pg_params *params, struct pg_result **ret_result) {
    size_t count = message_count(params);
    enum pg_outcome outcome = objection(params, count);
    bool lost = one_of(base.lost), after = one_of(2);

    assert_true(count > 0 && count <= BATCH);
    if (one_of(base.busy)) {
        return PG_BUSY;
    }
    if (base.away || (lost && !after)) {
        return PG_LOST;
    }
    if (outcome != PG_DONE) {
        return outcome;
    }
    *ret_result = is_short(params) ? append_sorted(params, count) : append_all(params, count);
    if (lost) {
        pg_result_free(*ret_result);
        return PG_LOST;
    }
    return PG_DONE;
}

static enum pg_outcome run_aside(const struct pg_params *params) {
    bool poison = is_poison(params->strings[1]);

    assert_true(poison || params->numbers[0] == GONE_ROOM);
    assert_true(params->strings[2].len > 0); /* the reason */
    if (base.away || one_of(base.lost)) {
        return PG_LOST;
    }
    base.aside += poison;
    return PG_DONE;
}

enum pg_outcome pg_run(struct pg *pg, const struct pg_statement *statement,
                       struct pg_params *params, struct pg_result **ret_result) {
    assert_non_null(pg);
    hold();
    enum pg_outcome outcome =
        statement == writer_statements[0] ? run_aside(params) : run_append(params, ret_result);
    let_go();
    return outcome;
}

/* ---- What was sent, and what was told ---- */

static char folder[64];
static struct hub hub;
static struct journal *journal;
static struct writer *writer;
static struct stored sent[STORED_MAX];
static size_t sent_count, poisoned;
static bool told[ROOMS + 1][STORED_MAX];
static size_t refused;

static void ignore_line(void *arg, bool error, const char *line) {
    (void)arg;
    (void)error;
    (void)line;
}

static void start(void) {
    static const struct pg_config config = {.url = ""};
    const struct journal_config journal_config = {
        .folder = folder, .bytes = BYTES, .log = ignore_line};
    char error[200] = "";

    journal = journal_open(&journal_config, error, sizeof error);
    if (!journal) {
        fail_msg("%s", error);
    }
    writer = writer_start(&config, journal, &hub);
    assert_non_null(writer);
}

static void stop(void) {
    writer_stop(writer);
    journal_close(journal);
}

static void hear(const struct item *item) {
    const struct batch_item *batch = (const struct batch_item *)item;
    const struct head_item *head = (const struct head_item *)item;

    if (item->kind == ITEM_HEAD) {
        told[head->room][head->seq] = true;
    }
    refused += item->kind == ITEM_ERROR;
    for (size_t i = 0; item->kind == ITEM_BATCH && i < batch->count; i++) {
        told[batch->messages[i].room][batch->messages[i].seq] = true;
    }
}

static void hear_all(void) {
    for (struct mail *mail = mailbox_take(&hub.box); mail;) {
        struct mail *next = mail->next;

        hear((struct item *)mail);
        item_free((struct item *)mail);
        mail = next;
    }
}

static int make_all(void **state) {
    (void)state;
    strcpy(folder, "/tmp/unit-writer-XXXXXX");
    sent_count = poisoned = refused = 0;
    memset(told, 0, sizeof told);
    hold();
    base.away = false;
    base.lost = base.busy = 0;
    base.count = base.aside = 0;
    memset(base.locked, 0, sizeof base.locked);
    memset(base.seq, 0, sizeof base.seq);
    let_go();
    return mkdtemp(folder) && mailbox_init(&hub.box) ? 0 : -1;
}

static int remove_all(void **state) {
    char command[100];

    (void)state;
    hear_all();
    mailbox_close(&hub.box);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void heal(void) {
    hold();
    base.away = false;
    base.lost = base.busy = 0;
    memset(base.locked, 0, sizeof base.locked);
    let_go();
}

static void push(int64_t room, int64_t sender, const char *nonce, const char *text) {
    const struct record record = {.room = room,
                                  .sender = sender,
                                  .accepted_at = 1,
                                  .nonce = str_of(nonce),
                                  .text = str_of(text)};

    for (int waited = 0; journal_push(journal, &record) != HUM_OK; waited++) {
        assert_true(waited < 10000);
        (void)poll(NULL, 0, 1);
        if (waited == 100) {
            heal(); /* it is full, and what holds it up is the test */
        }
    }
}

static void send_new(int64_t room, const char *text) {
    struct stored *message = &sent[sent_count++];

    message->room = room;
    message->sender = (int64_t)(1 + dice(4));
    snprintf(message->nonce, sizeof message->nonce, "n%zu", sent_count);
    push(room, message->sender, message->nonce, text);
}

static void send_something(void) {
    uint64_t what = dice(100);

    if (what < 2) {
        poisoned++;
        push((int64_t)(1 + dice(GONE_ROOM - 1)), 1, "poison", "poison");
    } else if (what < 4) {
        push(GONE_ROOM, 1, "gone", "text");
    } else if (what < 10 && sent_count > 0) {
        const struct stored *again =
            &sent[sent_count - 1 - dice(sent_count < 50 ? sent_count : 50)];

        push(again->room, again->sender, again->nonce, "text");
    } else {
        send_new((int64_t)(1 + dice(GONE_ROOM - 1)), "text");
    }
}

static void drain(void) {
    for (int waited = 0; journal_backlog(journal) > 0; waited++) {
        assert_true(waited < 30000);
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(writer_oldest(writer), 0);
}

/* Each room holds what was sent to it, once, in the order of sending. */
static void check_stored(void) {
    for (int64_t room = 1; room < GONE_ROOM; room++) {
        size_t at = 0;
        int64_t seq = 0;

        for (size_t i = 0; i < sent_count; i++) {
            if (sent[i].room != room) {
                continue;
            }
            while (at < base.count && base.list[at].room != room) {
                at++;
            }
            assert_true(at < base.count);
            assert_string_equal(base.list[at].nonce, sent[i].nonce);
            assert_int_equal(base.list[at++].sender, sent[i].sender);
            assert_true(told[room][++seq]);
        }
        assert_int_equal(base.seq[room], seq);
    }
}

/* ---- Tests ---- */

static void test_simple(void **state) {
    (void)state;
    start();
    for (int i = 0; i < 3000; i++) {
        send_new((int64_t)(1 + dice(GONE_ROOM - 1)), "text");
    }
    drain();
    hear_all();
    check_stored();
    assert_int_equal(refused, 0);
    stop();
}

/* A room that is held waits, and those of other rooms go on. */
static void test_held_room(void **state) {
    (void)state;
    start();
    hold();
    base.locked[1] = true;
    let_go();
    for (int i = 0; i < 500; i++) {
        send_new(1 + i % 2, "text");
    }
    for (int waited = 0, done = 0; !done; waited++) {
        assert_true(waited < 10000);
        (void)poll(NULL, 0, 1);
        hold();
        done = base.seq[2] == 250;
        assert_int_equal(base.seq[1], 0);
        let_go();
    }
    assert_true(journal_backlog(journal) > 0);
    assert_int_equal(writer_oldest(writer), 1);
    heal();
    drain();
    hear_all();
    check_stored();
    stop();
}

/* Everything at once, with the broker's ends and starts among it. */
static void test_against_a_model(void **state) {
    (void)state;
    start();
    for (int i = 0; i < 12000; i++) {
        send_something();
        if (dice(50) == 0) {
            hold();
            base.locked[1 + dice(ROOMS)] ^= true;
            base.lost = dice(3) ? 0 : 7;
            base.busy = dice(3) ? 0 : 10;
            let_go();
        }
        if (dice(20) == 0) {
            (void)poll(NULL, 0, 1);
            hear_all();
        }
        if (dice(1000) == 0) {
            hold();
            base.away = dice(2);
            let_go();
            (void)poll(NULL, 0, (int)dice(10));
            stop();
            heal();
            start();
        }
    }
    heal();
    drain();
    hear_all();
    check_stored();
    assert_true(base.aside >= poisoned && poisoned > 0);
    assert_true(refused >= poisoned);
    stop();
}

/* Stopped while messages wait for a room: they are there at the next start. */
static void test_stopped_while_one_waits(void **state) {
    (void)state;
    for (int round = 0; round < 20; round++) {
        start();
        hold();
        memset(base.locked, 1, sizeof base.locked);
        let_go();
        for (int i = 0; i < 40; i++) {
            send_new(1 + i % 5, "text");
            if (dice(4) == 0) {
                hold();
                base.locked[1 + dice(5)] ^= true;
                let_go();
                (void)poll(NULL, 0, 1);
            }
        }
        stop();
    }
    heal();
    start();
    drain();
    hear_all();
    check_stored();
    stop();
}

#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, make_all, remove_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ALL(test_simple),
        WITH_ALL(test_held_room),
        WITH_ALL(test_stopped_while_one_waits),
        WITH_ALL(test_against_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
