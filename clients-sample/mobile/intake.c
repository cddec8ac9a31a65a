/* What comes over the line. Messages are collected while the socket is read and given to the store
 * together, in one transaction a turn.
 */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum {
    EACH_TOLD_MAX = 20, /* entries of a room in a batch that are told one by one */
    BATCH_MAX = 4000,   /* messages, then the store is asked to take them at once */
};

/* ---- People that nobody has named yet ---- */

static void note_stranger(struct engine *engine, int64_t user, int64_t room) {
    char name[8];

    if (user == 0 || engine->strangers_count == ENGINE_STRANGERS_MAX ||
        store_nickname(engine->store, user, name, sizeof name) != HUM_NOT_FOUND) {
        return;
    }
    for (size_t i = 0; i < engine->strangers_count; i++) {
        if (engine->strangers[i] == user) {
            return;
        }
    }
    engine->strangers[engine->strangers_count] = user;
    engine->stranger_rooms[engine->strangers_count++] = room;
}

static void forget_stranger(struct engine *engine, int64_t user) {
    for (size_t i = 0; i < engine->strangers_count; i++) {
        if (engine->strangers[i] == user) {
            engine->strangers_count--;
            engine->strangers[i] = engine->strangers[engine->strangers_count];
            engine->stranger_rooms[i] = engine->stranger_rooms[engine->strangers_count];
        }
    }
}

static void on_stranger(struct engine *engine, void *arg, const struct rest_answer *answer) {
    json_t *object = answer->status == 200 ? wire_parse(answer->body, answer->length) : NULL;
    store_person person;

    if ((intptr_t)arg == (intptr_t)engine->generation) {
        if (wire_person(object, &person) &&
            store_people_take(engine->store, &person, 1) == HUM_DONE) {
            for (size_t i = 0; i < engine->strangers_count; i++) {
                if (engine->strangers[i] == person.id) {
                    engine_tell(engine, &(hum_event){.kind = HUM_EVENT_MESSAGE,
                                                     .room = engine->stranger_rooms[i]});
                }
            }
        }
        forget_stranger(engine, engine->stranger_asked); /* whatever came of it: the next */
        engine->stranger_asked = 0;
    }
    json_decref(object);
}

void intake_strangers(struct engine *engine) {
    char path[64];
    const struct rest_request request = {.method = "GET", .path = path};

    if (engine->strangers_count == 0 || engine->stranger_asked || !link_up(engine)) {
        return;
    }
    engine->stranger_asked = engine->strangers[engine->strangers_count - 1];
    (void)snprintf(path, sizeof path, "/users/%lld", (long long)engine->stranger_asked);
    if (!session_call(engine, &request, on_stranger, (void *)(intptr_t)engine->generation)) {
        engine->stranger_asked = 0;
        engine->strangers_count = 0;
    }
}

/* ---- Entries of the inbox ---- */

static void learn_person(struct engine *engine, const char *data) {
    json_t *object = wire_parse(data, strlen(data));
    store_person person;

    if (wire_person(json_object_get(object, "user"), &person)) {
        (void)store_people_take(engine->store, &person, 1);
    }
    json_decref(object);
}

static void notice(struct engine *engine, const hum_message *message) {
    static const char *const changing[] = {"friend_request_accepted", "friend_removed", "dm_opened",
                                           "server_removed", "channel_removed"};

    if (message->data) {
        learn_person(engine, message->data);
    }
    if (message->seq <= engine->noticed) {
        return; /* an old page of the inbox */
    }
    engine->noticed = message->seq;
    for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++) {
        if (strcmp(message->kind, changing[i]) == 0) {
            lists_wanted(engine);
        }
    }
}

/* ---- The batch ---- */

static void tell_messages(struct engine *engine, const hum_message *items, const uint8_t *took,
                          size_t from, size_t count) {
    size_t news = 0;

    for (size_t i = from; i < from + count; i++) {
        news += (took[i] & (STORE_NEW | STORE_CHANGED)) != 0;
    }
    if (news > EACH_TOLD_MAX) {
        engine_tell(engine, &(hum_event){.kind = HUM_EVENT_MESSAGE, .room = items[from].room});
        return;
    }
    for (size_t i = from; i < from + count; i++) {
        if (took[i] & (STORE_NEW | STORE_CHANGED)) {
            engine_tell(engine, &(hum_event){.kind = HUM_EVENT_MESSAGE,
                                             .room = items[i].room,
                                             .seq = items[i].seq});
        }
    }
}

static void look_at(struct engine *engine, const hum_message *message, uint8_t took) {
    if (took & STORE_NO_ROOM) {
        lists_wanted(engine);
        return;
    }
    if (took & STORE_OWN) {
        outbox_sent(engine, message);
    }
    struct place *place = lists_place(engine, message->room);
    if (place && (took & STORE_GAP)) {
        place->behind = true;
    }
    if (!(took & STORE_NEW)) {
        return;
    }
    if (place && place->kind == 'i') {
        notice(engine, message);
    } else if (message->from != engine->session.user) {
        note_stranger(engine, message->from, message->room);
    }
}

static void tell_batch(struct engine *engine, const hum_message *items, const uint8_t *took,
                       size_t count) {
    for (size_t from = 0, end; from < count; from = end) {
        for (end = from + 1; end < count && items[end].room == items[from].room; end++) {
        }
        tell_messages(engine, items, took, from, end - from);
    }
}

bool intake_flush(struct engine *engine) {
    struct wire_batch batch = engine->batch;
    uint8_t *took = calloc(batch.count + 1, 1);
    bool taken = batch.count == 0;

    engine->batch = (struct wire_batch){0};
    if (!taken && took) {
        taken = store_take(engine->store, batch.items, batch.count, took) == HUM_DONE;
        for (size_t i = 0; taken && i < batch.count; i++) {
            look_at(engine, &batch.items[i], took[i]);
        }
        if (taken) {
            tell_batch(engine, batch.items, took, batch.count);
        }
    }
    if (!taken) {
        link_lost(engine); /* the disk is full: what came is asked for again by and by */
    }
    free(took);
    wire_batch_clear(&batch);
    return taken;
}

static void take(struct engine *engine, json_t *message) {
    if (wire_batch_add(&engine->batch, message) && engine->batch.count >= BATCH_MAX) {
        (void)intake_flush(engine);
    }
}

/* ---- Others ---- */

static void read_mark(struct engine *engine, const struct wire_topic *topic, const json_t *body) {
    int64_t seq = wire_number(json_object_get(body, "seq"));

    if (seq < 1 || !lists_place(engine, topic->room)) {
        return;
    }
    if (topic->user == engine->session.user) {
        (void)intake_flush(engine); /* the mark is not past what is known */
        (void)store_mark_told(engine->store, topic->room, seq);
        engine_tell(engine, &(hum_event){.kind = HUM_EVENT_ROOMS, .room = topic->room});
    }
    engine_tell(
        engine,
        &(hum_event){.kind = HUM_EVENT_READ, .room = topic->room, .user = topic->user, .seq = seq});
}

static void set_online(struct engine *engine, struct friend *friend, bool online) {
    if (friend->online != online) {
        friend->online = online;
        engine_tell(engine,
                    &(hum_event){.kind = HUM_EVENT_PRESENCE, .user = friend->id, .online = online});
    }
}

static void presence(struct engine *engine, int64_t user, size_t length) {
    struct friend *friend = lists_friend(engine, user);

    if (friend) {
        friend->seen = true;
        set_online(engine, friend, length > 0);
    }
}

/* Retained words of who is there have come by now: the others are not. */
void intake_presence_settled(struct engine *engine) {
    for (size_t i = 0; i < engine->friends_count; i++) {
        if (!engine->friends[i].seen) {
            set_online(engine, &engine->friends[i], false);
        }
    }
}

static void typing(struct engine *engine, const struct wire_topic *topic) {
    if (topic->user != engine->session.user && lists_place(engine, topic->room)) {
        engine_tell(
            engine,
            &(hum_event){.kind = HUM_EVENT_TYPING, .room = topic->room, .user = topic->user});
    }
}

static void refusal(struct engine *engine, const json_t *body) {
    struct wire_refusal refusal;

    if (!wire_refusal(body, &refusal)) {
        return;
    }
    if (refusal.nonce[0]) {
        outbox_refused(engine, &refusal);
    } else if (!refusal.room) {
        sync_failed(engine); /* nothing else that is sent is told so */
    }
}

void intake_message(struct engine *engine, const char *topic, const char *payload, size_t length) {
    const struct wire_topic about = wire_topic(topic);

    if (about.verb == WIRE_OTHER) {
        return;
    }
    if (about.verb == WIRE_PRESENCE) {
        presence(engine, about.room, length);
        return;
    }
    json_t *body = wire_parse(payload, length);
    if (!json_is_object(body)) {
        json_decref(body);
        return;
    }
    switch (about.verb) {
    case WIRE_MESSAGES:
        take(engine, body);
        break;
    case WIRE_TYPING:
        typing(engine, &about);
        break;
    case WIRE_READ:
        read_mark(engine, &about, body);
        break;
    case WIRE_ERRORS:
        refusal(engine, body);
        break;
    case WIRE_SYNC:
        sync_piece(engine, body);
        break;
    case WIRE_PRESENCE:
    case WIRE_OTHER:
        break;
    }
    json_decref(body);
}
