/* What was missed, and what is older.
 *
 * One request at a time names up to 200 rooms that may be behind, each with the end of what is
 * stored of it; the answer comes in pieces. A room is done when the server says that there is no
 * more of it.
 */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum {
    ROOMS_MAX = 200,
    PAYLOAD_MAX = 15 * 1024,
    SILENCE_MS = 30 * 1000, /* without a piece: the connection is not what it seems */
    OLDER_PAGE = 100,
};

/* ---- Asking ---- */

static bool read_cursor(void *arg, const store_room *room) {
    struct place *place = arg;

    place->cursor = place->top = room->whole;
    return false;
}

static size_t behind(const struct engine *engine) {
    size_t count = 0;

    for (size_t i = 0; i < engine->places_count; i++) {
        count += engine->places[i].behind;
    }
    return count;
}

static bool add_room(struct engine *engine, struct place *place, json_t *rooms) {
    char id[24];

    if (store_room_of(engine->store, place->id, read_cursor, place) != HUM_DONE) {
        place->behind = false;
        return false;
    }
    (void)snprintf(id, sizeof id, "%lld", (long long)place->id);
    place->asked = json_object_set_new(rooms, id, json_integer(place->cursor)) == 0;
    place->behind = !place->asked; /* whatever sets it from here on, the answer may not know of */
    return place->asked;
}

static bool send_request(struct engine *engine, json_t *rooms) {
    char topic[64];
    json_t *request = json_pack("{s:s,s:O}", "tag", engine->tag, "rooms", rooms);
    char *payload = request ? json_dumps(request, JSON_COMPACT) : NULL;

    (void)snprintf(topic, sizeof topic, "user/%lld/sync", (long long)engine->session.user);
    engine->sync_packet = payload ? line_publish(engine->line, topic, payload, 1) : 0;
    free(payload);
    json_decref(request);
    return engine->sync_packet != 0;
}

static void ask(struct engine *engine) {
    json_t *rooms = json_object();
    size_t count = 0, bytes = 64;

    for (size_t i = 0; rooms && i < engine->places_count; i++) {
        struct place *place = &engine->places[i];

        place->asked = false;
        if (place->behind && count < ROOMS_MAX && bytes < PAYLOAD_MAX - 64) {
            count += add_room(engine, place, rooms);
            bytes += 45; /* an id, a number and what stands around them */
        }
    }
    engine->syncing = count > 0 && send_request(engine, rooms);
    engine->sync_brought = false;
    engine->sync_heard_at = clock_steady_ms();
    if (count > 0 && !engine->syncing) {
        link_lost(engine);
    }
    json_decref(rooms);
}

static void tell_progress(struct engine *engine) {
    if (engine->sync_total > 1) {
        engine_tell(engine, &(hum_event){.kind = HUM_EVENT_PROGRESS,
                                         .text = "sync",
                                         .done = engine->sync_done,
                                         .total = engine->sync_total});
    }
}

/* Asks for whatever is behind, if nothing is on its way. */
void sync_start(struct engine *engine) {
    if (!engine->ready || engine->syncing || engine->drop || engine->sync.at != NEVER) {
        return;
    }
    size_t count = behind(engine);
    if (count == 0) {
        if (!engine->caught && lists_settled(engine)) {
            link_caught_up(engine);
        }
        engine->sync_total = engine->sync_done = 0;
        return;
    }
    if (engine->sync_total == 0) {
        engine->sync_total = (int64_t)count;
        tell_progress(engine);
    }
    ask(engine);
}

/* ---- The answer ---- */

static void take_item(struct engine *engine, json_t *item) {
    struct place *place = lists_place(engine, wire_id(json_object_get(item, "room")));
    int64_t seq = wire_number(json_object_get(item, "seq"));

    if (!place || seq <= place->cursor) {
        return;
    }
    engine->sync_brought = true;
    if (place->asked && wire_batch_add(&engine->batch, item)) {
        place->top = seq > place->top ? seq : place->top;
    }
}

static bool named(const json_t *list, int64_t room) {
    const json_t *value;
    size_t i;

    json_array_foreach(list, i, value) {
        if (wire_id(value) == room) {
            return true;
        }
    }
    return false;
}

/* The server has said all it wants to of this room now. more: there is more of it. */
static void settle(struct engine *engine, struct place *place, bool more, bool missing) {
    place->asked = false;
    if (missing) {
        place->behind = false;
        lists_doubted(engine);
        return;
    }
    if (place->top > place->cursor) {
        (void)store_whole(engine->store, place->id, place->top);
    }
    place->behind = place->behind || more;
}

static void finish(struct engine *engine, const json_t *piece) {
    const json_t *more = json_object_get(piece, "more"),
                 *missing = json_object_get(piece, "missing");

    engine->syncing = false;
    if (!intake_flush(engine) || engine->drop) {
        return; /* not everything was taken: nothing is settled */
    }
    for (size_t i = 0; i < engine->places_count; i++) {
        struct place *place = &engine->places[i];

        if (place->asked) {
            settle(engine, place, named(more, place->id), named(missing, place->id));
            engine->sync_done += !place->behind;
        }
    }
    if (engine->sync_done > engine->sync_total) {
        engine->sync_total = engine->sync_done;
    }
    tell_progress(engine);
    if (json_array_size(more) > 0 && !engine->sync_brought) {
        back_off_next(&engine->sync, clock_steady_ms()); /* it brings nothing and promises more */
        return;
    }
    back_off_clear(&engine->sync);
    sync_start(engine);
}

void sync_piece(struct engine *engine, json_t *piece) {
    json_t *items = json_object_get(piece, "items"), *item;
    size_t i;

    if (!engine->syncing) {
        return;
    }
    engine->sync_heard_at = clock_steady_ms();
    json_array_foreach(items, i, item) { take_item(engine, item); }
    if (json_is_true(json_object_get(piece, "done"))) {
        finish(engine, piece);
    }
}

void sync_failed(struct engine *engine) {
    if (!engine->syncing) {
        return;
    }
    for (size_t i = 0; i < engine->places_count; i++) {
        engine->places[i].behind = engine->places[i].behind || engine->places[i].asked;
        engine->places[i].asked = false;
    }
    engine->syncing = false;
    back_off_next(&engine->sync, clock_steady_ms());
}

void sync_acknowledged(struct engine *engine, int packet, int code) {
    if (packet == engine->sync_packet && code >= 128) {
        sync_failed(engine);
    }
}

void sync_stop(struct engine *engine) {
    engine->syncing = false;
    engine->sync_total = engine->sync_done = 0;
    back_off_clear(&engine->sync);
}

int64_t sync_due(const struct engine *engine) {
    return engine->syncing ? engine->sync_heard_at + SILENCE_MS : engine->sync.at;
}

void sync_run(struct engine *engine, int64_t now) {
    if (engine->syncing && now >= sync_due(engine)) {
        link_lost(engine);
    } else if (!engine->syncing && now >= engine->sync.at) {
        engine->sync.at = NEVER;
        sync_start(engine);
    }
}

/* ---- Older ones ---- */

struct older {
    int64_t room, generation;
};

static bool read_low(void *arg, const store_room *room) {
    *(int64_t *)arg = room->low;
    return false;
}

static void tell_older(struct engine *engine, int64_t room, int64_t done, const char *code) {
    engine_tell(engine, &(hum_event){.kind = HUM_EVENT_PROGRESS,
                                     .text = "older",
                                     .room = room,
                                     .done = done,
                                     .total = 1,
                                     .code = code});
}

static bool take_page(struct engine *engine, const struct rest_answer *answer) {
    json_t *page = answer->status == 200 ? wire_parse(answer->body, answer->length) : NULL;
    json_t *items = json_object_get(page, "items"), *item;
    bool good = json_is_array(items);
    size_t i;

    json_array_foreach(items, i, item) { (void)wire_batch_add(&engine->batch, item); }
    good = intake_flush(engine) && good;
    json_decref(page);
    return good;
}

static void on_older(struct engine *engine, void *arg, const struct rest_answer *answer) {
    struct older *older = arg;
    const struct older copy = *older;

    free(older);
    if (copy.generation != engine->generation) {
        return;
    }
    struct place *place = lists_place(engine, copy.room);
    if (place) {
        place->older = false;
    }
    char code[WIRE_CODE_MAX + 1] = "unavailable";
    if (answer->status != 200 && answer->status != 0) {
        wire_code(answer->body, answer->length, code);
    }
    bool good = take_page(engine, answer);
    if (good) {
        engine_tell(engine, &(hum_event){.kind = HUM_EVENT_MESSAGE, .room = copy.room});
    }
    tell_older(engine, copy.room, 1, good ? NULL : code);
}

void sync_older(struct engine *engine, const struct command *command) {
    struct place *place = lists_place(engine, command->room);
    int64_t low = 0;
    char path[96];
    const struct rest_request request = {.method = "GET", .path = path};

    if (place && place->older) {
        return; /* which will be told */
    }
    if (!place || store_room_of(engine->store, command->room, read_low, &low) != HUM_DONE ||
        low <= 1) {
        tell_older(engine, command->room, 1, "not_found");
        return;
    }
    if (place->kind == 'i') {
        (void)snprintf(path, sizeof path, "/notifications?before=%lld&limit=%d", (long long)low,
                       OLDER_PAGE);
    } else {
        (void)snprintf(path, sizeof path, "/rooms/%lld/messages?before=%lld&limit=%d",
                       (long long)command->room, (long long)low, OLDER_PAGE);
    }
    struct older *older = malloc(sizeof *older);
    if (older) {
        *older = (struct older){command->room, engine->generation};
    }
    place->older = true;
    tell_older(engine, command->room, 0, NULL);
    if (!older || !session_call(engine, &request, on_older, older)) {
        free(older);
        place->older = false;
        tell_older(engine, command->room, 1, "unavailable");
    }
}
