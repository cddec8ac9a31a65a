/* What a server says to the mobile client: JSON (a Message, or an array of them, a Room, a Session
 * …), a topic, an address. What is read keeps to the bounds that the rest relies upon, and goes
 * into a store and out again. */
#include "fuzz.h"

#include <unistd.h>

#include "wire.h"

enum { ROOMS_MAX = 16 };

static struct store *store;

static void open_store(void) {
    char path[64];

    if (store) {
        return;
    }
    snprintf(path, sizeof path, "%s/fuzz-mobile-%d", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm",
             (int)getpid());
    CHECK(store_open(path, &store) == HUM_DONE);
    /* The open file is enough. */
    (void)unlink(path);
}

static bool is_text(const char *text, size_t max) { return text && strnlen(text, max + 1) <= max; }

static bool count_row(void *arg, const hum_message *message) {
    CHECK(message->kind && message->room > 0);
    ++*(size_t *)arg;
    return true;
}

static bool check_room(void *arg, const store_room *room) {
    (void)arg;
    CHECK(room->low >= 1 && room->whole >= room->low - 1 && room->shown.last_seq >= room->whole);
    CHECK(room->shown.unread >= 0 && room->shown.unread <= 100);
    return true;
}

static void store_batch(const struct wire_batch *batch) {
    store_room rooms[ROOMS_MAX];
    uint8_t *took = malloc(batch->count);
    size_t count = batch->count < ROOMS_MAX ? batch->count : ROOMS_MAX, stored = 0, found = 0;

    CHECK(took);
    for (size_t i = 0; i < count; i++) {
        rooms[i] =
            (store_room){.shown = {.id = batch->items[i].room, .kind = "dm"}, .topic = "dm/1"};
    }
    CHECK(store_rooms_take(store, rooms, count, 50, NULL) == HUM_DONE);
    CHECK(store_take(store, batch->items, batch->count, took) == HUM_DONE);
    for (size_t i = 0; i < batch->count; i++) {
        stored += took[i] & STORE_NEW;
    }
    for (size_t i = 0; i < count; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++) {
            first = first && rooms[j].shown.id != rooms[i].shown.id;
        }
        if (first) {
            CHECK(store_messages(store, rooms[i].shown.id, 0, 1000, count_row, &found) == HUM_DONE);
        }
    }
    CHECK(store_rooms(store, check_room, NULL) == HUM_DONE);
    CHECK(found == stored || stored > 1000);
    CHECK(store_empty(store) == HUM_DONE);
    free(took);
}

static void read_messages(json_t *value) {
    struct wire_batch batch = {0};
    size_t count = json_is_array(value) ? json_array_size(value) : 1;

    for (size_t i = 0; i < count; i++) {
        (void)wire_batch_add(&batch, json_is_array(value) ? json_array_get(value, i) : value);
    }
    for (size_t i = 0; i < batch.count; i++) {
        const hum_message *message = &batch.items[i];
        CHECK(message->room > 0 && message->seq > 0 && message->seq >> WIRE_SEQ_MAX_BITS == 0);
        CHECK(message->kind && message->target >= 0 && message->reply_to >= 0);
        CHECK(!message->nonce || is_text(message->nonce, WIRE_NONCE_MAX));
    }
    if (batch.count > 0) {
        store_batch(&batch);
    }
    wire_batch_clear(&batch);
}

static void read_others(const json_t *value) {
    store_room room;
    store_person person;
    store_session session;
    struct wire_refusal refusal;

    if (wire_room(value, &room)) {
        CHECK(room.shown.id > 0 && room.shown.kind && room.topic);
        CHECK(store_rooms_take(store, &room, 1, 50, NULL) == HUM_DONE);
        CHECK(store_rooms(store, check_room, NULL) == HUM_DONE);
    }
    if (wire_person(value, &person)) {
        CHECK(person.id > 0 && person.nickname);
        CHECK(store_people_take(store, &person, 1) == HUM_DONE);
    }
    if (wire_session(value, 1000, &session)) {
        CHECK(session.user > 0 && session.refresh_token && session.mqtt_password);
        CHECK(store_session_put(store, &session) == HUM_DONE);
        store_session_free(&session);
        CHECK(store_session_get(store, &session) == HUM_DONE);
        store_session_free(&session);
        CHECK(store_empty(store) == HUM_DONE);
    }
    if (wire_refusal(value, &refusal)) {
        CHECK(is_text(refusal.nonce, WIRE_NONCE_MAX) && is_text(refusal.code, WIRE_CODE_MAX));
        CHECK(refusal.retry_after_ms >= 0);
    }
}

static void read_topic(const char *text) {
    struct wire_topic topic = wire_topic(text);

    if (topic.verb != WIRE_OTHER) {
        CHECK(topic.room > 0);
    }
    if (topic.verb == WIRE_TYPING || topic.verb == WIRE_READ) {
        CHECK(topic.user > 0);
    }
}

static void read_address(const char *text) {
    struct wire_address address;

    if (wire_address(text, &address)) {
        CHECK(is_text(address.host, sizeof address.host - 1) && *address.host);
        CHECK(address.port > 0 && address.port < 65536);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    uint8_t kind = take_byte(&input);
    struct str bytes = exact(input.data, input.left);
    char code[WIRE_CODE_MAX + 1];

    open_store();
    json_t *value = wire_parse(bytes.data, bytes.len);
    if (value) {
        read_messages(value);
        read_others(value);
        json_decref(value);
    }
    wire_code(bytes.data, bytes.len, code);
    CHECK(is_text(code, WIRE_CODE_MAX));
    char *text = strndup(bytes.data, bytes.len);
    CHECK(text);
    (kind % 2 ? read_topic : read_address)(text);
    free(text);
    exact_free(bytes);
    return 0;
}
