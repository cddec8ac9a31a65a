/* Servers, their channels, invites. A server is named by its name or #number. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

static void mine(struct chat *chat, const char *name, on_found found, json_t *context) {
    calls_find(chat, "/users/me/servers", "name", name, found, context);
}

static void say_done(struct chat *chat, json_t *body, json_t *context) {
    (void)body;
    screen_say(chat->screen, GOOD, "done", "%s", json_string_value(context));
}

/* ---- Lists ---- */

static void show_servers(struct chat *chat, json_t *body, json_t *context) {
    json_t *item;
    size_t i;
    (void)context;
    json_array_foreach(json_object_get(body, "items"), i, item) {
        char more[64];
        const char *role = json_text(item, "role");
        snprintf(more, sizeof more, "(%.16s%s%.16s)", role, *role == '\0' ? "" : ", ",
                 json_text(item, "visibility"));
        show_thing(chat, "server", item, json_text(item, "name"), more);
    }
    if (json_array_size(json_object_get(body, "items")) == 0)
        screen_say(chat->screen, DIM, "none", "None");
}

void servers_list(struct chat *chat, char *argv[WORDS_MAX]) {
    char *escaped = calls_escape(argv[0]);
    if (escaped != NULL && *escaped == '\0')
        calls_ask(chat, "GET", NULL, show_servers, NULL, "/users/me/servers?limit=100");
    else if (escaped != NULL)
        calls_ask(chat, "GET", NULL, show_servers, NULL, "/servers/search?limit=20&q=%s", escaped);
    free(escaped);
}

static void show_members(struct chat *chat, json_t *body, json_t *context) {
    json_t *item;
    size_t i;
    (void)context;
    json_array_foreach(json_object_get(body, "items"), i, item) {
        const json_t *user = json_object_get(item, "user");
        names_learn(&chat->names, json_id(user, "id"), json_text(user, "nickname"));
        screen_say(chat->screen, AS_IS, "member", "%s %s", json_text(user, "nickname"),
                   json_text(item, "role"));
    }
}

static void members_of(struct chat *chat, json_t *server, json_t *context) {
    (void)context;
    calls_ask(chat, "GET", NULL, show_members, NULL, "/servers/%" PRId64 "/members?limit=100",
              json_id(server, "id"));
}

void servers_members(struct chat *chat, char *argv[WORDS_MAX]) {
    mine(chat, argv[0], members_of, NULL);
}

/* ---- Coming and going ---- */

static void say_in(struct chat *chat, json_t *server, json_t *context) {
    (void)context;
    show_thing(chat, "in", server, json_text(server, "name"),
               screen_is_plain(chat->screen) ? "" : "— you are in it");
}

void servers_create(struct chat *chat, char *argv[WORDS_MAX]) {
    bool hidden = strncmp(argv[0], "private ", 8) == 0;
    calls_ask(chat, "POST",
              json_pack("{s:s, s:s}", "name", argv[0] + (hidden ? 8 : 0), "visibility",
                        hidden ? "private" : "public"),
              say_in, NULL, "/servers");
}

static void join_found(struct chat *chat, json_t *server, json_t *context) {
    (void)context;
    calls_ask(chat, "PUT", NULL, say_in, NULL, "/servers/%" PRId64 "/members/me",
              json_id(server, "id"));
}

void servers_join(struct chat *chat, char *argv[WORDS_MAX]) {
    if (*argv[0] == '#') {
        json_t *server = json_pack("{s:s}", "id", argv[0] + 1);
        join_found(chat, server, NULL);
        json_decref(server);
        return;
    }
    char *escaped = calls_escape(argv[0]), *path = NULL;
    if (escaped != NULL && asprintf(&path, "/servers/search?q=%s", escaped) > 0) {
        calls_find(chat, path, "name", argv[0], join_found, NULL);
        free(path);
    }
    free(escaped);
}

static void leave_found(struct chat *chat, json_t *server, json_t *context) {
    (void)context;
    calls_ask(chat, "DELETE", NULL, say_done, json_string("You have left it"),
              "/servers/%" PRId64 "/members/me", json_id(server, "id"));
}

void servers_leave(struct chat *chat, char *argv[WORDS_MAX]) {
    mine(chat, argv[0], leave_found, NULL);
}

static void delete_found(struct chat *chat, json_t *server, json_t *context) {
    (void)context;
    calls_ask(chat, "DELETE", NULL, say_done, json_string("It is gone"), "/servers/%" PRId64,
              json_id(server, "id"));
}

void servers_delete(struct chat *chat, char *argv[WORDS_MAX]) {
    mine(chat, argv[0], delete_found, NULL);
}

static void post_found(struct chat *chat, json_t *server, json_t *context) {
    talk_say(chat, json_id(server, "id"), json_text(context, "text"), 0);
}

void servers_post(struct chat *chat, char *argv[WORDS_MAX]) {
    mine(chat, argv[0], post_found, json_pack("{s:s}", "text", argv[1]));
}

/* ---- Invites ---- */

static void invite_person(struct chat *chat, json_t *person, json_t *context) {
    calls_ask(chat, "POST", json_pack("{s:s}", "user_id", json_text(person, "id")), say_done,
              json_string("Invited"), "/servers/%" PRId64 "/invites", json_id(context, "id"));
}

static void invite_to(struct chat *chat, json_t *server, json_t *context) {
    calls_person(chat, json_text(context, "nickname"), invite_person,
                 json_pack("{s:s}", "id", json_text(server, "id")));
}

void servers_invite(struct chat *chat, char *argv[WORDS_MAX]) {
    mine(chat, argv[0], invite_to, json_pack("{s:s}", "nickname", argv[1]));
}

static void show_invites(struct chat *chat, json_t *body, json_t *context) {
    json_t *item;
    size_t i;
    (void)context;
    json_array_foreach(json_object_get(body, "items"), i, item)
        screen_say(chat->screen, AS_IS, "invite", "%s: by %s",
                   json_text(json_object_get(item, "server"), "name"),
                   json_text(json_object_get(item, "from"), "nickname"));
    if (json_array_size(json_object_get(body, "items")) == 0)
        screen_say(chat->screen, DIM, "none", "None");
}

static void answer_invite(struct chat *chat, json_t *invite, json_t *context) {
    bool accept = strcmp(json_text(context, "answer"), "accept") == 0;
    calls_ask(chat, "POST", NULL, accept ? say_in : say_done, json_string("Declined"),
              "/invites/%" PRId64 "/%s", json_id(invite, "id"), accept ? "accept" : "decline");
}

void servers_invites(struct chat *chat, char *argv[WORDS_MAX]) {
    if (strcmp(argv[0], "accept") == 0 || strcmp(argv[0], "decline") == 0)
        calls_find(chat, "/invites", "server.name", argv[1], answer_invite,
                   json_pack("{s:s}", "answer", argv[0]));
    else
        calls_ask(chat, "GET", NULL, show_invites, NULL, "/invites?limit=100");
}

static void show_code(struct chat *chat, json_t *body, json_t *context) {
    (void)context;
    screen_say(chat->screen, AS_IS, "code", "%s", json_text(body, "code"));
}

static void code_for(struct chat *chat, json_t *server, json_t *context) {
    (void)context;
    calls_ask(chat, "POST", json_object(), show_code, NULL, "/servers/%" PRId64 "/invite-codes",
              json_id(server, "id"));
}

void servers_code(struct chat *chat, char *argv[WORDS_MAX]) { mine(chat, argv[0], code_for, NULL); }

void servers_redeem(struct chat *chat, char *argv[WORDS_MAX]) {
    char *escaped = calls_escape(argv[0]);
    if (escaped != NULL)
        calls_ask(chat, "POST", NULL, say_in, NULL, "/invite-codes/%s/redeem", escaped);
    free(escaped);
}

/* ---- Channels ---- */

static void show_channels(struct chat *chat, json_t *body, json_t *context) {
    json_t *item;
    size_t i;
    (void)context;
    json_array_foreach(json_object_get(body, "items"), i, item) screen_say(
        chat->screen, AS_IS, "channel", "#%s %s%s", json_text(item, "id"), json_text(item, "name"),
        json_is_true(json_object_get(item, "joined")) ? " (you are in it)" : "");
    if (json_array_size(json_object_get(body, "items")) == 0)
        screen_say(chat->screen, DIM, "none", "None");
}

static void channels_of(struct chat *chat, json_t *server, json_t *context) {
    (void)context;
    calls_ask(chat, "GET", NULL, show_channels, NULL, "/servers/%" PRId64 "/channels?limit=100",
              json_id(server, "id"));
}

void servers_channels(struct chat *chat, char *argv[WORDS_MAX]) {
    mine(chat, argv[0], channels_of, NULL);
}

static void entered(struct chat *chat, json_t *channel, json_t *context) {
    say_in(chat, channel, context);
    chat->opening = json_id(channel, "id");
    talk_opening(chat);
}

static void act_on_channel(struct chat *chat, json_t *channel, json_t *context) {
    const char *verb = json_text(context, "verb");
    int64_t id = json_id(channel, "id");
    if (strcmp(verb, "join") == 0)
        calls_ask(chat, "PUT", NULL, entered, NULL, "/channels/%" PRId64 "/members/me", id);
    else
        calls_ask(chat, "DELETE", NULL, say_done,
                  json_string(*verb == 'd' ? "It is gone" : "You have left it"),
                  "/channels/%" PRId64 "%s", id, *verb == 'd' ? "" : "/members/me");
}

static void channel_in(struct chat *chat, json_t *server, json_t *context) {
    char path[64];
    const char *name = json_text(context, "name");
    int64_t id = json_id(server, "id");
    if (strcmp(json_text(context, "verb"), "create") == 0) {
        calls_ask(chat, "POST", json_pack("{s:s}", "name", name), say_in, NULL,
                  "/servers/%" PRId64 "/channels", id);
        return;
    }
    snprintf(path, sizeof path, "/servers/%" PRId64 "/channels", id);
    calls_find(chat, path, "name", name, act_on_channel, json_incref(context));
}

void servers_channel(struct chat *chat, char *argv[WORDS_MAX]) {
    static const char *const verbs[] = {"create", "delete", "join", "leave"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(argv[0], verbs[i]) == 0) {
            mine(chat, argv[1], channel_in,
                 json_pack("{s:s, s:s}", "verb", argv[0], "name", argv[2]));
            return;
        }
    }
    screen_say(chat->screen, WARN, "usage", "/channel create|delete|join|leave SERVER NAME");
}
