/* What hum.h promises: arguments are checked here, what is read comes from the store, and the rest
 * is asked of the engine. */
#include "hum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "engine.h"

enum { SMALL_TEXT_MAX = 1024, CALL_BODY_MAX = 1024 * 1024 };

struct hum {
    struct store *store;
    struct engine *engine;
};

const char *hum_result_text(hum_result result) {
    switch (result) {
    case HUM_DONE:
        return "done";
    case HUM_NO_MEMORY:
        return "out of memory";
    case HUM_NO_STORE:
        return "the store cannot be used";
    case HUM_STORE_IN_USE:
        return "the store is in use by another process";
    case HUM_WRONG_USE:
        return "an argument is out of its bounds";
    case HUM_NOT_SIGNED_IN:
        return "nobody is signed in";
    case HUM_NOT_FOUND:
        return "no such thing";
    case HUM_FULL:
        return "too many messages wait to be sent";
    }
    return "unknown";
}

/* ---- Life ---- */

hum_result hum_open(const hum_config *config, hum **ret_hum) {
    hum_result result;

    if (!config || !ret_hum || !config->store || !config->url || config->keepalive_max_s < 0 ||
        config->keepalive_max_s > KEEPALIVE_MAX_S ||
        (config->device_name && strlen(config->device_name) > 64)) {
        return HUM_WRONG_USE;
    }
    hum *self = calloc(1, sizeof *self);
    if (!self) {
        return HUM_NO_MEMORY;
    }
    result = store_open(config->store, &self->store);
    if (result == HUM_DONE) {
        self->engine = engine_new(config, self->store, &result);
    }
    if (self->engine && !engine_start(self->engine)) {
        self->engine = NULL;
        result = HUM_NO_MEMORY;
    }
    if (!self->engine) {
        store_close(self->store);
        free(self);
        return result;
    }
    *ret_hum = self;
    return HUM_DONE;
}

void hum_close(hum *self) {
    if (self) {
        engine_end(self->engine);
        store_close(self->store);
        free(self);
    }
}

bool hum_wait(hum *self, int32_t timeout_ms, hum_event *ret_event) {
    return notes_wait(self->engine->notes, timeout_ms, ret_event);
}

hum_line hum_line_now(hum *self) { return (hum_line)atomic_load(&self->engine->line_now); }

int64_t hum_me(hum *self) { return atomic_load(&self->engine->me); }

static void run_pause(struct engine *engine, const struct command *command) {
    (void)command;
    link_pause(engine);
}

static void run_resume(struct engine *engine, const struct command *command) {
    (void)command;
    link_resume(engine);
}

void hum_pause(hum *self) { (void)engine_ask(self->engine, &(struct command){.run = run_pause}); }

void hum_resume(hum *self) { (void)engine_ask(self->engine, &(struct command){.run = run_resume}); }

/* ---- Signing in, and calls ---- */

/* Texts as a command has them, which copies them. */
static char *lend(const char *text) {
    union {
        const char *given;
        char *lent;
    } both = {.given = text};

    return both.lent;
}

static int64_t ask_call(hum *self, void (*run)(struct engine *, const struct command *),
                        const char *a, const char *b, const char *c) {
    int64_t number = atomic_fetch_add(&self->engine->next_call, 1) + 1;
    const struct command command = {
        .run = run, .number = number, .texts = {lend(a), lend(b), lend(c)}};

    return engine_ask_call(self->engine, &command) ? number : 0;
}

static bool is_small(const char *text) {
    return text && strnlen(text, SMALL_TEXT_MAX) < SMALL_TEXT_MAX;
}

int64_t hum_sign_up(hum *self, const char *email, const char *password, const char *nickname) {
    if (!is_small(email) || !is_small(password) || (nickname && !is_small(nickname))) {
        return 0;
    }
    return ask_call(self, session_sign_up, email, password, nickname);
}

int64_t hum_sign_in(hum *self, const char *email, const char *password) {
    if (!is_small(email) || !is_small(password)) {
        return 0;
    }
    return ask_call(self, session_sign_in, email, password, NULL);
}

void hum_sign_out(hum *self) {
    atomic_store(&self->engine->me, 0);
    (void)engine_ask(self->engine, &(struct command){.run = session_sign_out});
}

int64_t hum_call(hum *self, const char *method, const char *path, const char *body) {
    if (!rest_sane(method, path) || (body && strnlen(body, CALL_BODY_MAX) == CALL_BODY_MAX)) {
        return 0;
    }
    return ask_call(self, session_user_call, method, path, body);
}

/* ---- Reading ---- */

struct each_room {
    hum_on_room each;
    void *arg;
};

static bool show_room(void *arg, const store_room *room) {
    const struct each_room *each = arg;

    return each->each(each->arg, &room->shown);
}

hum_result hum_rooms(hum *self, hum_on_room each, void *arg) {
    struct each_room both = {each, arg};

    if (!each) {
        return HUM_WRONG_USE;
    }
    return hum_me(self) ? store_rooms(self->store, show_room, &both) : HUM_NOT_SIGNED_IN;
}

hum_result hum_messages(hum *self, int64_t room, int64_t before, int32_t limit, hum_on_message each,
                        void *arg) {
    if (!each || room < 1 || before < 0 || limit < 1) {
        return HUM_WRONG_USE;
    }
    return hum_me(self) ? store_messages(self->store, room, before, limit, each, arg)
                        : HUM_NOT_SIGNED_IN;
}

static bool keep_low(void *arg, const store_room *room) {
    *(int64_t *)arg = room->low;
    return false;
}

hum_result hum_older(hum *self, int64_t room) {
    int64_t low = 0;
    hum_result result =
        hum_me(self) ? store_room_of(self->store, room, keep_low, &low) : HUM_NOT_SIGNED_IN;

    if (result != HUM_DONE) {
        return result;
    }
    if (low <= 1) {
        return HUM_NOT_FOUND;
    }
    const struct command command = {.run = sync_older, .room = room};
    return engine_ask(self->engine, &command) ? HUM_DONE : HUM_NO_MEMORY;
}

/* ---- Writing ---- */

static void ask_outbox(hum *self, int64_t room, const char *nonce) {
    const struct command command = {.run = outbox_written, .room = room, .texts = {lend(nonce)}};

    (void)engine_ask(self->engine, &command);
}

hum_result hum_send(hum *self, int64_t room, const char *text, int64_t reply_to, char *ret_nonce) {
    char nonce[STORE_NONCE_SIZE];

    if (!text || room < 1 || reply_to < 0 || room == hum_me(self)) { /* nobody sends to an inbox */
        return HUM_WRONG_USE;
    }
    if (!hum_me(self)) {
        return HUM_NOT_SIGNED_IN;
    }
    hum_result result = store_send(self->store, room, text, reply_to, clock_wall_ms(), nonce);
    if (result == HUM_DONE) {
        if (ret_nonce) {
            memcpy(ret_nonce, nonce, sizeof nonce);
        }
        ask_outbox(self, room, nonce);
    }
    return result;
}

hum_result hum_send_again(hum *self, const char *nonce) {
    hum_result result = nonce ? store_send_again(self->store, nonce) : HUM_WRONG_USE;

    if (result == HUM_DONE) {
        ask_outbox(self, 0, nonce);
    }
    return result;
}

hum_result hum_forget(hum *self, const char *nonce) {
    return nonce ? store_forget(self->store, nonce) : HUM_WRONG_USE;
}

hum_result hum_read(hum *self, int64_t room, int64_t seq) {
    hum_result result = room < 1 || seq < 1 ? HUM_WRONG_USE
                        : hum_me(self)      ? store_read(self->store, room, seq)
                                            : HUM_NOT_SIGNED_IN;

    if (result == HUM_DONE) {
        const struct command command = {.run = outbox_read, .room = room};

        (void)engine_ask(self->engine, &command);
    }
    return result;
}

void hum_typing(hum *self, int64_t room) {
    const struct command command = {.run = outbox_typing, .room = room};

    (void)engine_ask(self->engine, &command);
}

/* ---- Figures ---- */

void hum_figures_now(hum *self, hum_figures *ret_figures) {
    struct engine *engine = self->engine;

    *ret_figures = (hum_figures){
        .connects = atomic_load(&engine->figures.connects),
        .mqtt_bytes_in = atomic_load(&engine->figures.bytes_in),
        .mqtt_bytes_out = atomic_load(&engine->figures.bytes_out),
        .rest_calls = atomic_load(&engine->figures.rest_calls),
        .tls_resumed = atomic_load(&engine->figures.resumed),
        .keepalive_s = atomic_load(&engine->figures.keepalive_s),
    };
}
