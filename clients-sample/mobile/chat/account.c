/* Signing in and out, profile, devices. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

static void ask_secret(struct chat *chat, on_secret then) {
    chat->secret = then;
    input_secret(chat->input, "Password: ");
}

static void with_new_password(struct chat *chat, const char *password) {
    calls_watch(chat, hum_sign_up(chat->hum, chat->email, password, chat->nickname));
}

void account_sign_up(struct chat *chat, char *argv[WORDS_MAX]) {
    snprintf(chat->email, sizeof chat->email, "%s", argv[0]);
    snprintf(chat->nickname, sizeof chat->nickname, "%s", argv[1]);
    ask_secret(chat, with_new_password);
}

static void with_password(struct chat *chat, const char *password) {
    calls_watch(chat, hum_sign_in(chat->hum, chat->email, password));
}

void account_sign_in(struct chat *chat, char *argv[WORDS_MAX]) {
    snprintf(chat->email, sizeof chat->email, "%s", argv[0]);
    ask_secret(chat, with_password);
}

void account_sign_out(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    hum_sign_out(chat->hum);
}

/* ---- Profile ---- */

static void show_profile(struct chat *chat, json_t *user, json_t *context) {
    (void)context;
    show_person(chat, "profile", user, json_text(user, "about"));
    if (*json_text(user, "email") != '\0')
        screen_say(chat->screen, DIM, "email", "%s", json_text(user, "email"));
}

static void profile_of(struct chat *chat, json_t *item, json_t *context) {
    (void)context;
    calls_ask(chat, "GET", NULL, show_profile, NULL, "/users/%" PRId64, json_id(item, "id"));
}

void account_profile(struct chat *chat, char *argv[WORDS_MAX]) {
    if (*argv[0] == '\0')
        calls_ask(chat, "GET", NULL, show_profile, NULL, "/users/me");
    else
        calls_person(chat, argv[0], profile_of, NULL);
}

void account_about(struct chat *chat, char *argv[WORDS_MAX]) {
    calls_ask(chat, "PATCH", json_pack("{s:s}", "about", argv[0]), show_profile, NULL, "/users/me");
}

void account_nickname(struct chat *chat, char *argv[WORDS_MAX]) {
    calls_ask(chat, "PATCH", json_pack("{s:s}", "nickname", argv[0]), show_profile, NULL,
              "/users/me");
}

/* ---- Devices ---- */

static void show_devices(struct chat *chat, json_t *body, json_t *context) {
    json_t *item;
    size_t i;
    (void)context;
    json_array_foreach(json_object_get(body, "items"), i, item) {
        const char *name = json_text(json_object_get(item, "device"), "name");
        char seen[64];
        snprintf(seen, sizeof seen, "%.10s %.5s%s", json_text(item, "last_seen_at"),
                 strlen(json_text(item, "last_seen_at")) > 11 ? json_text(item, "last_seen_at") + 11
                                                              : "",
                 json_is_true(json_object_get(item, "current")) ? " (this one)" : "");
        show_thing(chat, "device", item, *name == '\0' ? "(no name)" : name, seen);
    }
}

static void said_ended(struct chat *chat, json_t *body, json_t *context) {
    (void)body;
    (void)context;
    screen_say(chat->screen, GOOD, "done", "It is signed out");
}

void account_devices(struct chat *chat, char *argv[WORDS_MAX]) {
    const char *number = *argv[1] == '#' ? argv[1] + 1 : argv[1];
    if (strcmp(argv[0], "end") == 0)
        calls_ask(chat, "DELETE", NULL, said_ended, NULL, "/auth/sessions/%" PRId64,
                  (int64_t)strtoll(number, NULL, 10));
    else
        calls_ask(chat, "GET", NULL, show_devices, NULL, "/auth/sessions?limit=100");
}
