/* What waits to be sent and told: messages, one's own read marks, typing. */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum {
    LATE_MS = 10 * 1000, /* what became of a message that is under way for so long is asked */
    MARKS_AGAIN_MS = 3000,
    POISON_TRIES = 4,
    HOLD_MAX_MS = 60000,
    WALK_MAX = 200,
    BUDGET_MAX = 40,      /* below the server's bound of 60, and 20 a second: */
    BUDGET_EVERY_MS = 60, /* order in a room would suffer from a refusal in the middle */
    MARKS_WAIT_MS = 300,  /* who scrolls reads much in little time */
    TYPING_EVERY_MS = 3000,
};

/* ---- Messages ---- */

static struct flight *find_flight(struct engine *engine, const char *nonce) {
    for (size_t i = 0; i < engine->flights_count; i++) {
        if (strcmp(engine->flights[i].nonce, nonce) == 0) {
            return &engine->flights[i];
        }
    }
    return NULL;
}

static void land(struct engine *engine, struct flight *flight) {
    *flight = engine->flights[--engine->flights_count];
    engine->outbox_due = true;
}

static void earn(struct engine *engine, int64_t now) {
    int64_t earned = (now - engine->budget_at) / BUDGET_EVERY_MS;

    if (engine->budget_at == 0 || engine->budget + earned >= BUDGET_MAX) {
        engine->budget = BUDGET_MAX;
        engine->budget_at = now;
    } else {
        engine->budget += earned;
        engine->budget_at += earned * BUDGET_EVERY_MS;
    }
}

static char *body_of(const hum_message *message) {
    json_t *object = json_pack("{s:s,s:s}", "nonce", message->nonce, "text", message->text);

    if (object && message->reply_to) {
        (void)json_object_set_new(object, "reply_to", json_integer(message->reply_to));
    }
    char *body = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return body;
}

static bool publish(struct engine *engine, const char *topic, const hum_message *message) {
    char path[160], *payload = body_of(message);

    (void)snprintf(path, sizeof path, "%s/send", topic);
    bool sent = payload && line_publish(engine->line, path, payload, 1) != 0;
    free(payload);
    return sent;
}

struct pump {
    struct engine *engine;
    int64_t now;
    int64_t held[WALK_MAX]; /* rooms of which one has to wait, and so all after it */
    size_t held_count;
};

static bool is_held(const struct pump *pump, int64_t room) {
    for (size_t i = 0; i < pump->held_count; i++) {
        if (pump->held[i] == room) {
            return true;
        }
    }
    return false;
}

static bool pump_one(void *arg, int64_t place, const char *topic, const hum_message *message) {
    struct pump *pump = arg;
    struct engine *engine = pump->engine;

    if (find_flight(engine, message->nonce)) {
        return true;
    }
    if (engine->flights_count == ENGINE_FLIGHTS || engine->budget == 0) {
        return false;
    }
    if (!link_hears(engine, message->room) || is_held(pump, message->room)) {
        pump->held[pump->held_count++] = message->room;
        return true;
    }
    if (!publish(engine, topic, message)) {
        link_lost(engine);
        return false;
    }
    struct flight *flight = &engine->flights[engine->flights_count++];
    *flight = (struct flight){.room = message->room, .place = place, .at = pump->now};
    (void)snprintf(flight->nonce, sizeof flight->nonce, "%s", message->nonce);
    engine->budget--;
    return true;
}

static void pump(struct engine *engine, int64_t now) {
    struct pump pump = {.engine = engine, .now = now};

    engine->outbox_due = false;
    earn(engine, now);
    (void)store_outbox(engine->store, 0, WALK_MAX, pump_one, &pump);
    if (engine->budget == 0) {
        engine->outbox_due = true;
        engine->hold_until =
            engine->hold_until > now + BUDGET_EVERY_MS ? engine->hold_until : now + BUDGET_EVERY_MS;
    } else if (pump.held_count > 0) { /* until the room can be heard */
        engine->outbox_due = true;
        engine->hold_until = now + 1000;
    }
}

void outbox_sent(struct engine *engine, const hum_message *message) {
    struct flight *flight = message->nonce ? find_flight(engine, message->nonce) : NULL;

    if (flight) {
        land(engine, flight);
    }
    back_off_clear(&engine->hold);
    engine_tell(engine, &(hum_event){.kind = HUM_EVENT_OUTBOX,
                                     .room = message->room,
                                     .seq = message->seq,
                                     .nonce = message->nonce});
}

/* The server will never take it. */
static void refuse(struct engine *engine, const char *nonce, int64_t room, const char *code) {
    struct flight *flight = find_flight(engine, nonce);

    if (flight) {
        land(engine, flight);
    }
    if (store_refuse(engine->store, nonce, code) == HUM_DONE) {
        engine_tell(
            engine,
            &(hum_event){.kind = HUM_EVENT_OUTBOX, .room = room, .nonce = nonce, .code = code});
    }
}

static bool passes(const char *code) {
    return strcmp(code, "rate_limited") == 0 || strcmp(code, "unavailable") == 0 ||
           strcmp(code, "internal") == 0;
}

/* The server has had trouble with the same message several times: it is the message. */
static bool is_poison(struct engine *engine, const struct wire_refusal *refusal) {
    if (strcmp(refusal->code, "internal") != 0) {
        return false;
    }
    if (strcmp(engine->poison, refusal->nonce) != 0) {
        (void)snprintf(engine->poison, sizeof engine->poison, "%s", refusal->nonce);
        engine->poisoned = 0;
    }
    return ++engine->poisoned >= POISON_TRIES;
}

/* It is sent again later. wait_ms 0: nobody said how long. */
static void hold(struct engine *engine, struct flight *flight, int64_t wait_ms) {
    int64_t now = clock_steady_ms(), until = now + (wait_ms < HOLD_MAX_MS ? wait_ms : HOLD_MAX_MS);

    if (wait_ms == 0) {
        back_off_next(&engine->hold, now);
        until = engine->hold.at;
    }
    engine->hold_until = engine->hold_until > until ? engine->hold_until : until;
    land(engine, flight);
}

void outbox_refused(struct engine *engine, const struct wire_refusal *refusal) {
    struct flight *flight = find_flight(engine, refusal->nonce);

    if (!flight) {
        return; /* of another device */
    }
    if (passes(refusal->code) && !is_poison(engine, refusal)) {
        hold(engine, flight, refusal->retry_after_ms);
    } else {
        refuse(engine, refusal->nonce, flight->room, refusal->code);
    }
}

/* ---- Late ones ---- */

/* A message that was taken, and of which nothing comes: its own copy was lost on its way here, and
 * the broker, which knows the nonce, does not say it twice. Or it was never taken. REST gives the
 * one and takes the other, by the same nonce. */
struct late {
    char nonce[WIRE_NONCE_MAX + 1];
    int64_t room, generation;
};

static void on_settled(struct engine *engine, void *arg, const struct rest_answer *answer) {
    struct late *late = arg;
    const struct late copy = *late;
    char code[WIRE_CODE_MAX + 1];

    free(late);
    if (copy.generation != engine->generation) {
        return;
    }
    wire_code(answer->body, answer->length, code);
    bool no = answer->status == 400 || answer->status == 403 || answer->status == 404 ||
              answer->status == 409 || answer->status == 413;
    if (answer->status == 200 || answer->status == 201) {
        json_t *message = wire_parse(answer->body, answer->length);

        (void)wire_batch_add(&engine->batch, message);
        (void)intake_flush(engine);
        json_decref(message);
    } else if (no && code[0]) {
        refuse(engine, copy.nonce, copy.room, code);
    }
    struct flight *flight = find_flight(engine, copy.nonce);
    if (flight) { /* no answer of use */
        hold(engine, flight, 0);
    }
}

static bool settle(void *arg, int64_t place, const char *topic, const hum_message *message) {
    struct engine *engine = arg;
    struct flight *flight = find_flight(engine, message->nonce);
    struct late *late = flight ? malloc(sizeof *late) : NULL;
    char *body = late ? body_of(message) : NULL, path[64];
    const struct rest_request request = {"POST", path, body, NULL};

    (void)place;
    (void)topic;
    (void)snprintf(path, sizeof path, "/rooms/%lld/messages", (long long)message->room);
    if (late) {
        *late = (struct late){.room = message->room, .generation = engine->generation};
        memcpy(late->nonce, flight->nonce, sizeof late->nonce);
        flight->asked = true;
    }
    if (late && (!body || !session_call(engine, &request, on_settled, late))) {
        flight->asked = false;
        free(late);
    }
    free(body);
    return false;
}

static void look_for_late(struct engine *engine, int64_t now) {
    for (size_t i = engine->flights_count; i-- > 0;) {
        struct flight *flight = &engine->flights[i];

        if (flight->asked || now - flight->at < LATE_MS) {
            continue;
        }
        if (line_heard_at(engine->line) < flight->at) {
            link_lost(engine);
            return;
        }
        (void)store_outbox(engine->store, flight->place - 1, 1, settle, engine);
        if (!flight->asked) { /* it does not wait any more, or there is no memory */
            land(engine, flight);
        }
    }
}

/* ---- Read marks ---- */

static void on_inbox_read(struct engine *engine, void *arg, const struct rest_answer *answer) {
    int64_t seq = (intptr_t)arg;
    struct place *place = lists_place(engine, engine->session.user);

    if (place && place->mark == seq && answer->status >= 200 && answer->status < 300) {
        (void)store_mark_told(engine->store, place->id, seq);
    } else if (place && place->mark == seq) {
        place->mark = 0; /* with the next connection */
    }
}

static bool tell_inbox(struct engine *engine, int64_t seq, const char *payload) {
    const struct rest_request request = {"PUT", "/notifications/read", payload, NULL};

    return session_call(engine, &request, on_inbox_read, (void *)(intptr_t)seq);
}

static bool tell_mark(void *arg, int64_t room, const char *topic, int64_t seq) {
    struct engine *engine = arg;
    struct place *place = lists_place(engine, room);
    char path[160], payload[48];

    if (!place || place->mark >= seq) {
        return true;
    }
    (void)snprintf(path, sizeof path, "%s/read", topic);
    (void)snprintf(payload, sizeof payload, "{\"seq\":%lld}", (long long)seq);
    place->mark = seq;
    if (place->kind == 'i') {
        return tell_inbox(engine, seq, payload);
    }
    place->mark_packet = line_publish(engine->line, path, payload, 1);
    return place->mark_packet != 0;
}

void outbox_acknowledged(struct engine *engine, int packet, int code) {
    for (size_t i = 0; i < engine->places_count; i++) {
        struct place *place = &engine->places[i];

        if (place->mark_packet != packet) {
            continue;
        }
        place->mark_packet = 0;
        if (code < 128) {
            (void)store_mark_told(engine->store, place->id, place->mark);
        } else {
            place->mark = 0;
            engine->marks_wanted = true;
            engine->marks_at = clock_steady_ms() + MARKS_AGAIN_MS;
        }
    }
}

void outbox_read(struct engine *engine, const struct command *command) {
    if (!engine->marks_wanted) {
        engine->marks_wanted = true;
        engine->marks_at = clock_steady_ms() + MARKS_WAIT_MS;
    }
    engine_tell(engine, &(hum_event){.kind = HUM_EVENT_ROOMS, .room = command->room});
}

/* ---- Others ---- */

void outbox_typing(struct engine *engine, const struct command *command) {
    struct place *place = lists_place(engine, command->room);
    int64_t now = clock_steady_ms();
    char topic[192];

    if (!link_up(engine) || !place || place->kind == 'i' ||
        (place->typed_at && now - place->typed_at < TYPING_EVERY_MS)) {
        return;
    }
    place->typed_at = now;
    (void)snprintf(topic, sizeof topic, "%s/typing/%lld", place->topic,
                   (long long)engine->session.user);
    (void)line_publish(engine->line, topic, "{}", 0);
}

void outbox_written(struct engine *engine, const struct command *command) {
    engine->outbox_due = true;
    engine_tell(
        engine,
        &(hum_event){.kind = HUM_EVENT_OUTBOX, .room = command->room, .nonce = command->texts[0]});
}

/* ---- Time ---- */

int64_t outbox_due(const struct engine *engine) {
    int64_t due = NEVER;

    if (!link_up(engine)) {
        return NEVER;
    }
    if (engine->outbox_due) {
        due = engine->hold_until;
    }
    if (engine->marks_wanted && engine->marks_at < due) {
        due = engine->marks_at;
    }
    for (size_t i = 0; i < engine->flights_count; i++) {
        int64_t late = engine->flights[i].at + LATE_MS;

        due = !engine->flights[i].asked && late < due ? late : due;
    }
    return due;
}

void outbox_run(struct engine *engine, int64_t now) {
    if (!link_up(engine)) {
        return;
    }
    look_for_late(engine, now);
    if (engine->outbox_due && now >= engine->hold_until && link_up(engine)) {
        pump(engine, now);
    }
    if (engine->marks_wanted && now >= engine->marks_at && link_up(engine)) {
        engine->marks_wanted = false;
        (void)store_marks(engine->store, tell_mark, engine);
    }
}

void outbox_stop(struct engine *engine) {
    engine->flights_count = 0;
    engine->outbox_due = true;
    engine->marks_wanted = true;
    engine->hold_until = engine->marks_at = 0;
    back_off_clear(&engine->hold);
    for (size_t i = 0; i < engine->places_count; i++) {
        engine->places[i].mark = 0;
        engine->places[i].mark_packet = 0;
    }
}
