/* The loop, time, and what other threads ask for. */
#include "engine.h"

#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "clock.h"

enum {
    BACK_OFF_FIRST_MS = 1000,
    BACK_OFF_MAX_MS = 5 * 60 * 1000,
    FAREWELL_MS = 1500, /* hum_close waits for a sign-out that is being told */
    SLEEP_MAX_MS = 24 * 3600 * 1000,
};

void engine_tell(struct engine *engine, const hum_event *event) {
    notes_tell(engine->notes, event);
}

/* ---- Back-off ---- */

void back_off_clear(struct back_off *back_off) { *back_off = (struct back_off){.at = NEVER}; }

void back_off_next(struct back_off *back_off, int64_t now) {
    int shift = back_off->attempt < 9 ? back_off->attempt : 9;
    int64_t most = (int64_t)BACK_OFF_FIRST_MS << shift;

    most = most < BACK_OFF_MAX_MS ? most : BACK_OFF_MAX_MS;
    back_off->attempt++;
    back_off->at = now + most / 2 + (int64_t)arc4random_uniform((uint32_t)(most / 2) + 1);
}

/* ---- Commands ---- */

static void free_command(struct command *command) {
    for (size_t i = 0; i < sizeof command->texts / sizeof command->texts[0]; i++) {
        if (command->texts[i]) {
            explicit_bzero(command->texts[i], strlen(command->texts[i])); /* it may be a password */
            free(command->texts[i]);
        }
    }
    free(command);
}

static struct command *copy_command(const struct command *command) {
    struct command *copy = calloc(1, sizeof *copy);

    if (!copy) {
        return NULL;
    }
    *copy = (struct command){.run = command->run, .number = command->number, .room = command->room};
    for (size_t i = 0; i < sizeof copy->texts / sizeof copy->texts[0]; i++) {
        copy->texts[i] = command->texts[i] ? strdup(command->texts[i]) : NULL;
        if (command->texts[i] && !copy->texts[i]) {
            free_command(copy);
            return NULL;
        }
    }
    return copy;
}

static bool ask(struct engine *engine, const struct command *command, bool call) {
    struct command *copy = copy_command(command);
    bool room = true;

    if (!copy) {
        return false;
    }
    pthread_mutex_lock(&engine->lock);
    if (call) {
        room = engine->calls_waiting < ENGINE_CALLS_MAX;
        engine->calls_waiting += room;
    }
    if (room) {
        *engine->commands_end = copy;
        engine->commands_end = &copy->next;
    }
    pthread_mutex_unlock(&engine->lock);
    if (!room) {
        free_command(copy);
        return false;
    }
    rest_wakeup(engine->rest);
    return true;
}

bool engine_ask(struct engine *engine, const struct command *command) {
    return ask(engine, command, false);
}

bool engine_ask_call(struct engine *engine, const struct command *command) {
    return ask(engine, command, true);
}

static struct command *take_commands(struct engine *engine) {
    pthread_mutex_lock(&engine->lock);
    struct command *first = engine->commands;
    engine->commands = NULL;
    engine->commands_end = &engine->commands;
    pthread_mutex_unlock(&engine->lock);
    return first;
}

static void run_commands(struct engine *engine) {
    struct command *command = take_commands(engine);

    while (command) {
        struct command *next = command->next;

        command->run(engine, command);
        free_command(command);
        command = next;
    }
}

/* ---- The loop ---- */

static int64_t soonest(const struct engine *engine) {
    const int64_t moments[] = {link_due(engine), session_due(engine), lists_due(engine),
                               sync_due(engine), outbox_due(engine)};
    int64_t first = NEVER;

    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        first = moments[i] < first ? moments[i] : first;
    }
    return first;
}

static unsigned wait_for_something(struct engine *engine, int64_t until) {
    int64_t left = until == NEVER ? SLEEP_MAX_MS : until - clock_steady_ms();
    int fd = engine->line ? line_socket(engine->line) : -1;

    left = left < 0 ? 0 : left > SLEEP_MAX_MS ? SLEEP_MAX_MS : left;
    return rest_wait(engine->rest, fd, fd >= 0 ? line_wanted(engine->line) : 0, (int32_t)left);
}

static void turn(struct engine *engine, unsigned ready) {
    rest_turn(engine->rest);
    run_commands(engine);
    rest_turn(engine->rest); /* begins what they asked for */
    int64_t now = clock_steady_ms();
    link_run(engine, now, ready);
    session_run(engine, now);
    lists_run(engine, now);
    sync_run(engine, now);
    outbox_run(engine, now);
    intake_strangers(engine);
    atomic_store(&engine->figures.rest_calls, rest_calls(engine->rest));
}

/* The server is told of a sign-out a moment ago, if it answers soon. */
static void finish_farewells(struct engine *engine) {
    int64_t until = clock_steady_ms() + FAREWELL_MS;

    while (engine->farewells > 0 && clock_steady_ms() < until) {
        int64_t left = until - clock_steady_ms();

        (void)rest_wait(engine->rest, -1, 0, (int32_t)(left > 0 ? left : 0));
        rest_turn(engine->rest);
    }
}

static void *run(void *arg) {
    struct engine *engine = arg;
    unsigned ready = 0;

    link_init(engine);
    lists_load(engine);
    link_wanted(engine);
    while (!atomic_load(&engine->stop)) {
        turn(engine, ready);
        ready = wait_for_something(engine, soonest(engine));
    }
    run_commands(engine); /* a sign-out just before hum_close counts */
    link_close(engine);
    finish_farewells(engine);
    rest_end(engine->rest);
    return NULL;
}

/* ---- Life ---- */

/* Once for the process; both libraries count. */
static bool start_libraries(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK &&
           mosquitto_lib_init() == MOSQ_ERR_SUCCESS;
}

static void make_tag(char tag[ENGINE_TAG_SIZE]) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    for (size_t i = 0; i < ENGINE_TAG_SIZE - 1; i++) {
        tag[i] = letters[arc4random_uniform(sizeof letters - 1)];
    }
    tag[ENGINE_TAG_SIZE - 1] = '\0';
}

static void free_engine(struct engine *engine) {
    struct command *command = take_commands(engine);

    while (command) {
        struct command *next = command->next;

        free_command(command);
        command = next;
    }
    if (engine->rest) {
        link_close(engine);
        lists_free(engine);
        session_free(engine);
        link_filters(engine); /* of nobody: none */
    }
    rest_free(engine->rest);
    tls_free(engine->tls);
    notes_free(engine->notes);
    free(engine->device_name);
    free(engine->url);
    (void)pthread_mutex_destroy(&engine->lock);
    free(engine);
}

struct engine *engine_new(const hum_config *config, struct store *store, hum_result *ret_result) {
    struct engine *engine = start_libraries() ? calloc(1, sizeof *engine) : NULL;

    *ret_result = HUM_NO_MEMORY;
    if (!engine) {
        return NULL;
    }
    engine->store = store;
    engine->commands_end = &engine->commands;
    engine->keepalive.max = config->keepalive_max_s;
    make_tag(engine->tag);
    (void)pthread_mutex_init(&engine->lock, NULL);
    engine->rest = rest_new(config->url, config->ca_file);
    engine->tls = tls_new(config->ca_file, store);
    engine->notes = notes_new(config->on_event, config->arg);
    engine->device_name = strdup(config->device_name ? config->device_name : "phone");
    engine->url = strdup(config->url);
    bool complete =
        engine->rest && engine->tls && engine->notes && engine->device_name && engine->url;
    if (!complete || !session_load(engine)) { /* so that hum_me is right from the start */
        *ret_result = complete || !engine->rest || !engine->tls ? HUM_WRONG_USE : HUM_NO_MEMORY;
        free_engine(engine);
        return NULL;
    }
    *ret_result = HUM_DONE;
    return engine;
}

bool engine_start(struct engine *engine) {
    sigset_t all, before;

    outbox_stop(engine); /* what the store has waits already */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the app's */
    bool started = pthread_create(&engine->thread, NULL, run, engine) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started) {
        free_engine(engine);
    }
    return started;
}

void engine_end(struct engine *engine) {
    notes_end(engine->notes);
    atomic_store(&engine->stop, true);
    rest_wakeup(engine->rest);
    (void)pthread_join(engine->thread, NULL);
    free_engine(engine);
}
