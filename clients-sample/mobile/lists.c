/* Which rooms and friends there are. Both lists are asked for once after hum_open, when an entry of
 * the inbox or a call of one's own says that they changed, and after a connection that comes up
 * when the last answer is old: not at every reconnect, which on a phone are many.
 */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum { FRESH_MS = 30 * 60 * 1000, CURSOR_MAX = 256, PAGE = 100 };

/* ---- What is in memory ---- */

static int by_id(const void *a, const void *b) {
    const int64_t *left = a, *right = b; /* both structs begin with it */

    return *left < *right ? -1 : *left > *right;
}

struct place *lists_place(struct engine *engine, int64_t room) {
    return engine->places_count
               ? bsearch(&room, engine->places, engine->places_count, sizeof *engine->places, by_id)
               : NULL;
}

struct friend *lists_friend(struct engine *engine, int64_t user) {
    return engine->friends_count ? bsearch(&user, engine->friends, engine->friends_count,
                                           sizeof *engine->friends, by_id)
                                 : NULL;
}

struct loading {
    struct engine *engine;
    struct place *places;
    struct friend *friends;
    size_t count, room;
    bool failed;
};

static bool grow(struct loading *loading, size_t size, void **items) {
    if (loading->count < loading->room) {
        return true;
    }
    size_t room = loading->room ? 2 * loading->room : 64;
    void *grown = realloc(*items, room * size);
    if (!grown) {
        loading->failed = true;
        return false;
    }
    *items = grown;
    loading->room = room;
    return true;
}

static bool load_room(void *arg, const store_room *room) {
    struct loading *loading = arg;
    void *items = loading->places;
    struct place *old = lists_place(loading->engine, room->shown.id);
    struct place place = old ? *old : (struct place){.id = room->shown.id};

    if (!grow(loading, sizeof place, &items)) {
        return false;
    }
    loading->places = items;
    place.kind = room->shown.kind[0];
    /* a new one, too: something may be said before it is heard */
    place.behind = place.behind || !old || room->shown.last_seq > room->whole;
    place.topic = strdup(room->topic);
    if (!place.topic) {
        loading->failed = true;
        return false;
    }
    loading->places[loading->count++] = place;
    return true;
}

static void free_places(struct place *places, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(places[i].topic);
    }
    free(places);
}

static bool load_friend(void *arg, const store_person *person) {
    struct loading *loading = arg;
    void *items = loading->friends;
    struct friend *old = lists_friend(loading->engine, person->id);

    if (!grow(loading, sizeof(struct friend), &items)) {
        return false;
    }
    loading->friends = items;
    loading->friends[loading->count++] = old ? *old : (struct friend){.id = person->id};
    return true;
}

static void load_places(struct engine *engine) {
    struct loading loading = {.engine = engine};

    if (store_rooms(engine->store, load_room, &loading) != HUM_DONE || loading.failed) {
        free_places(loading.places, loading.count);
        return;
    }
    free_places(engine->places, engine->places_count);
    engine->places = loading.places;
    engine->places_count = loading.count;
    if (loading.count) {
        qsort(engine->places, loading.count, sizeof *engine->places, by_id);
    }
}

static void load_friends(struct engine *engine) {
    struct loading loading = {.engine = engine};

    if (store_friends(engine->store, load_friend, &loading) != HUM_DONE || loading.failed) {
        free(loading.friends);
        return;
    }
    free(engine->friends);
    engine->friends = loading.friends;
    engine->friends_count = loading.count;
    if (loading.count) {
        qsort(engine->friends, loading.count, sizeof *engine->friends, by_id);
    }
}

void lists_load(struct engine *engine) {
    load_places(engine);
    load_friends(engine);
    link_filters(engine);
}

void lists_free(struct engine *engine) {
    free_places(engine->places, engine->places_count);
    free(engine->friends);
    json_decref(engine->pages);
    engine->places = NULL;
    engine->friends = NULL;
    engine->pages = NULL;
    engine->places_count = engine->friends_count = 0;
    engine->strangers_count = 0;
    engine->noticed = 0;
    engine->stranger_asked = 0;
    engine->listing = engine->list_again = engine->listed = false;
    back_off_clear(&engine->list);
    wire_batch_clear(&engine->batch);
}

/* ---- Asking ---- */

static void on_rooms(struct engine *engine, void *arg, const struct rest_answer *answer);
static void on_friends(struct engine *engine, void *arg, const struct rest_answer *answer);

static void finish(struct engine *engine, bool good) {
    json_decref(engine->pages);
    engine->pages = NULL;
    engine->listing = false;
    if (!good) {
        if (session_lives(engine)) {
            back_off_next(&engine->list, clock_steady_ms());
        }
        return;
    }
    back_off_clear(&engine->list);
    engine->listed = true;
    engine->listed_at = clock_steady_ms();
    if (engine->list_again) {
        engine->list_again = false;
        lists_wanted(engine);
    }
    sync_start(engine);
}

/* cursor: NULL or what a page named as the next one. */
static bool ask(struct engine *engine, const char *what, const char *cursor, call_done done) {
    char path[CURSOR_MAX + 64];
    const struct rest_request request = {.method = "GET", .path = path};

    (void)snprintf(path, sizeof path, "%slimit=%d%s%s", what, PAGE, cursor ? "&cursor=" : "",
                   cursor ? cursor : "");
    return rest_sane("GET", path) &&
           session_call(engine, &request, done, (void *)(intptr_t)engine->generation);
}

/* Whether an answer is that of somebody who has signed out since. */
static bool is_stale(const struct engine *engine, const void *arg) {
    return (intptr_t)arg != (intptr_t)engine->generation;
}

/* Keeps the items of a page. *ret_next: the next page's cursor, NULL: it was the last. False: no
 * such page. The cursor is the pages'. */
static bool keep_page(struct engine *engine, const struct rest_answer *answer,
                      const char **ret_next) {
    json_t *page = answer->status == 200 ? wire_parse(answer->body, answer->length) : NULL;
    json_t *items = json_object_get(page, "items"), *next = json_object_get(page, "next");
    bool good = json_is_array(items) && engine->pages &&
                json_array_size(engine->pages) < ENGINE_ROOMS_MAX / PAGE &&
                json_array_append(engine->pages, page) == 0;

    *ret_next = good ? wire_text(next, CURSOR_MAX) : NULL;
    good = good && (*ret_next ? json_array_size(items) > 0 : json_is_null(next));
    json_decref(page);
    return good;
}

static bool start_pages(struct engine *engine) {
    json_decref(engine->pages);
    engine->pages = json_array();
    return engine->pages != NULL;
}

/* Runs through what all pages hold. */
#define EACH_ITEM(engine, i, page, j, item)                                                        \
    json_array_foreach((engine)->pages, i, page)                                                   \
        json_array_foreach(json_object_get(page, "items"), j, item)

/* ---- Rooms ---- */

static size_t all_items(const struct engine *engine) {
    size_t i, count = 0;
    json_t *page;

    json_array_foreach(engine->pages, i, page) {
        count += json_array_size(json_object_get(page, "items"));
    }
    return count;
}

/* Of a kind that is newer than this library. */
static bool is_of_new_kind(const json_t *item) {
    static const char *const kinds[] = {"dm", "server", "channel", "inbox"};
    const char *kind = wire_text(json_object_get(item, "kind"), WIRE_CODE_MAX);

    for (size_t i = 0; kind && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            return false;
        }
    }
    return kind != NULL;
}

/* A room that is not in the list is forgotten: one that cannot be read makes no list. */
static bool read_rooms(const struct engine *engine, store_room *rooms, size_t *ret_count) {
    size_t i, j, count = 0;
    json_t *page, *item;

    EACH_ITEM(engine, i, page, j, item) {
        if (wire_room(item, &rooms[count])) {
            count++;
        } else if (!is_of_new_kind(item)) {
            return false;
        }
    }
    *ret_count = count;
    return true;
}

struct listed {
    struct engine *engine;
    const store_room *rooms;
    size_t count;
};

/* What waits for a room that is gone goes with it, and not without a word. */
static bool tell_gone(void *arg, int64_t place, const char *topic, const hum_message *message) {
    const struct listed *listed = arg;

    (void)place;
    (void)topic;
    for (size_t i = 0; i < listed->count; i++) {
        if (listed->rooms[i].shown.id == message->room) {
            return true;
        }
    }
    engine_tell(listed->engine, &(hum_event){.kind = HUM_EVENT_OUTBOX,
                                             .room = message->room,
                                             .nonce = message->nonce,
                                             .code = "not_found"});
    return true;
}

static bool take_rooms(struct engine *engine) {
    store_room *rooms = calloc(all_items(engine) + 1, sizeof *rooms);
    struct listed listed = {.engine = engine, .rooms = rooms};
    bool changed = false;

    if (!rooms) {
        return false;
    }
    bool good = read_rooms(engine, rooms, &listed.count);
    if (good) {
        (void)store_outbox(engine->store, 0, HUM_OUTBOX_MAX, tell_gone, &listed);
        good = store_rooms_take(engine->store, rooms, listed.count, ENGINE_FIRST, &changed) ==
               HUM_DONE;
    }
    free(rooms);
    if (good && changed) {
        engine_tell(engine, &(hum_event){.kind = HUM_EVENT_ROOMS});
    }
    return good;
}

/* Of a room of which too much was missed the history begins anew; what a sync under way still
 * brings of the time before is dropped. */
static bool restart_far(void *arg, const store_room *room) {
    struct engine *engine = arg;
    struct place *place = lists_place(engine, room->shown.id);

    if (room->shown.last_seq - room->whole > ENGINE_MISSED_MAX) {
        (void)store_restart(engine->store, room->shown.id, room->shown.last_seq - ENGINE_FIRST);
        if (place) {
            place->asked = false;
            place->behind = true;
        }
    }
    return true;
}

/* All pages of rooms are there; the friends are next. */
static bool go_on_with_friends(struct engine *engine) {
    if (!take_rooms(engine) || store_rooms(engine->store, restart_far, engine) != HUM_DONE) {
        return false;
    }
    lists_load(engine);
    sync_start(engine);
    return start_pages(engine) && ask(engine, "/friends?state=accepted&", NULL, on_friends);
}

static void on_rooms(struct engine *engine, void *arg, const struct rest_answer *answer) {
    const char *next;

    if (is_stale(engine, arg)) {
        return;
    }
    bool good = keep_page(engine, answer, &next);
    if (good && next) {
        good = ask(engine, "/rooms?", next, on_rooms);
    } else if (good) {
        good = go_on_with_friends(engine);
    }
    if (!good) {
        finish(engine, false);
    }
}

/* ---- Friends ---- */

static bool take_friends(struct engine *engine) {
    store_person *friends = calloc(all_items(engine) + 1, sizeof *friends);
    size_t i, j, count = 0;
    json_t *page, *item;

    if (!friends) {
        return false;
    }
    EACH_ITEM(engine, i, page, j, item) {
        count += wire_person(json_object_get(item, "user"), &friends[count]);
    }
    hum_result result = store_friends_set(engine->store, friends, count);
    free(friends);
    return result == HUM_DONE;
}

static void on_friends(struct engine *engine, void *arg, const struct rest_answer *answer) {
    const char *next;

    if (is_stale(engine, arg)) {
        return;
    }
    bool good = keep_page(engine, answer, &next);
    if (good && next) {
        if (!ask(engine, "/friends?state=accepted&", next, on_friends)) {
            finish(engine, false);
        }
        return;
    }
    good = good && take_friends(engine);
    lists_load(engine);
    finish(engine, good);
}

/* ---- When ---- */

static void start(struct engine *engine) {
    engine->list.at = NEVER;
    engine->listing = start_pages(engine);
    if (!engine->listing || !ask(engine, "/rooms?", NULL, on_rooms)) {
        finish(engine, false);
    }
}

void lists_wanted(struct engine *engine) {
    if (!session_lives(engine)) {
        return;
    }
    if (engine->listing) {
        engine->list_again = true;
    } else if (engine->list.at == NEVER) {
        engine->list.at = clock_steady_ms();
    }
}

bool lists_settled(const struct engine *engine) {
    return !engine->listing &&
           (engine->listed || (engine->list.attempt > 0 && engine->places_count > 0));
}

void lists_doubted(struct engine *engine) {
    back_off_next(&engine->doubt, clock_steady_ms());
    if (session_lives(engine) && engine->list.at == NEVER) {
        engine->list.at = engine->doubt.at;
    }
}

int64_t lists_due(const struct engine *engine) {
    return engine->up_at && !engine->listing ? engine->list.at : NEVER;
}

void lists_connected(struct engine *engine, int64_t now) {
    if (!engine->listed || now - engine->listed_at > FRESH_MS || engine->list.at != NEVER) {
        engine->list.at = now;
    }
}

void lists_run(struct engine *engine, int64_t now) {
    if (now >= lists_due(engine)) {
        start(engine);
    }
}
