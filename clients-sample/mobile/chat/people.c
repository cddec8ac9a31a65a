/* Friends, requests, blocks, people to be found. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

/* ---- Friends: who they are, for names and presence ---- */

static void load_page(struct chat *chat, const char *cursor);

void people_presence(struct chat *chat, struct name *name) {
    if (!screen_is_plain(chat->screen) || !name->known || name->told == name->online ||
        name->user == hum_me(chat->hum))
        return;
    name->told = name->online;
    screen_say(chat->screen, AS_IS, "presence", "%s %s", name->nickname,
               name->online ? "online" : "offline");
}

static void take_friends(struct chat *chat, json_t *body, json_t *context) {
    const char *next = json_string_value(json_object_get(body, "next"));
    json_t *item;
    size_t i;
    (void)context;
    json_array_foreach(json_object_get(body, "items"), i, item) {
        const json_t *user = json_object_get(item, "user");
        struct name *name = names_of(&chat->names, json_id(user, "id"));
        names_learn(&chat->names, json_id(user, "id"), json_text(user, "nickname"));
        if (name != NULL) {
            name->friend = true;
            name->dm = json_id(item, "dm_id");
        }
    }
    if (next != NULL) {
        load_page(chat, next);
        return;
    }
    for (int k = 0; k < chat->names.count; k++)
        people_presence(chat, &chat->names.all[k]);
}

static void load_page(struct chat *chat, const char *cursor) {
    calls_ask(chat, "GET", NULL, take_friends, NULL, "/friends?limit=100%s%s",
              cursor == NULL ? "" : "&cursor=", cursor == NULL ? "" : cursor);
}

void people_load(struct chat *chat) {
    for (int i = 0; i < chat->names.count; i++)
        chat->names.all[i].friend = false;
    load_page(chat, NULL);
}

/* ---- Lists ---- */

static const char *state_words(const json_t *item, bool online) {
    const char *state = json_text(item, "state");
    if (strcmp(state, "incoming") == 0)
        return "asks you";
    if (strcmp(state, "outgoing") == 0)
        return "was asked";
    return online ? "online" : "offline";
}

static void show_friends(struct chat *chat, json_t *body, json_t *context) {
    json_t *item;
    size_t i;
    (void)context;
    json_array_foreach(json_object_get(body, "items"), i, item) {
        const json_t *user = json_object_get(item, "user");
        const struct name *name = names_of(&chat->names, json_id(user, "id"));
        bool online = name != NULL && name->online;
        screen_line(chat->screen, "friend", NULL,
                    (struct piece[]){{NAME, json_text(user, "nickname")},
                                     {AS_IS, " "},
                                     {online ? GOOD : DIM, state_words(item, online)},
                                     {0}});
    }
    if (json_array_size(json_object_get(body, "items")) == 0)
        screen_say(chat->screen, DIM, "nobody", "Nobody");
}

void people_list(struct chat *chat, char *argv[WORDS_MAX]) {
    const char *state = strcmp(argv[0], "incoming") == 0 || strcmp(argv[0], "outgoing") == 0 ||
                                strcmp(argv[0], "accepted") == 0
                            ? argv[0]
                            : "all";
    calls_ask(chat, "GET", NULL, show_friends, NULL, "/friends?limit=100&state=%s", state);
}

static void show_people(struct chat *chat, json_t *body, json_t *context) {
    const char *member = context == NULL ? NULL : json_string_value(context);
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(body, "items"), i, item) {
        const json_t *user = member == NULL ? item : json_object_get(item, member);
        show_person(chat, "person", user, json_text(user, "about"));
    }
    if (json_array_size(json_object_get(body, "items")) == 0)
        screen_say(chat->screen, DIM, "nobody", "Nobody");
}

void people_search(struct chat *chat, char *argv[WORDS_MAX]) {
    char *escaped = calls_escape(argv[0]);
    if (escaped != NULL)
        calls_ask(chat, "GET", NULL, show_people, NULL, "/users/search?limit=20&nickname=%s",
                  escaped);
    free(escaped);
}

void people_blocked(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    calls_ask(chat, "GET", NULL, show_people, json_string("user"), "/blocks?limit=100");
}

static void who_is_online(struct chat *chat) {
    int count = 0;
    for (int i = 0; i < chat->names.count; i++) {
        const struct name *name = &chat->names.all[i];
        if (!name->friend || !name->online)
            continue;
        screen_say(chat->screen, GOOD, "online", "%s", names_text(&chat->names, name->user));
        count++;
    }
    if (count == 0)
        screen_say(chat->screen, DIM, "nobody", "No friend is online");
}

void people_who(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    if (strcmp(chat->room_kind, "server") == 0 || strcmp(chat->room_kind, "channel") == 0)
        calls_ask(chat, "GET", NULL, show_people, json_string("user"),
                  "/%ss/%" PRId64 "/members?limit=100", chat->room_kind, chat->room);
    else
        who_is_online(chat);
}

/* ---- Doing something about somebody ---- */

/* context of such a call: what is said when it is done */
static void done(struct chat *chat, json_t *body, json_t *context) {
    (void)body;
    screen_say(chat->screen, GOOD, "done", "%s", json_string_value(context));
    people_load(chat);
}

static void asked(struct chat *chat, json_t *friend, json_t *context) {
    (void)context;
    bool friends = strcmp(json_text(friend, "state"), "accepted") == 0;
    screen_say(chat->screen, GOOD, "done", "%s",
               friends ? "You are friends: they had asked you" : "They are asked");
    if (friends)
        people_load(chat);
}

void people_add(struct chat *chat, char *argv[WORDS_MAX]) {
    json_t *body = *argv[0] == '#' ? json_pack("{s:s}", "user_id", argv[0] + 1)
                                   : json_pack("{s:s}", "nickname", argv[0]);
    calls_ask(chat, "POST", body, asked, NULL, "/friends/requests");
}

/* context of such a search: what to call with the id */
static void act(struct chat *chat, json_t *item, json_t *context) {
    const json_t *user = json_object_get(item, "user");
    calls_ask(chat, json_text(context, "method"), NULL, done,
              json_incref(json_object_get(context, "said")), "/%s/%" PRId64 "%s",
              json_text(context, "path"), json_id(user == NULL ? item : user, "id"),
              json_text(context, "verb"));
}

static json_t *action(const char *method, const char *path, const char *verb, const char *said) {
    return json_pack("{s:s, s:s, s:s, s:s}", "method", method, "path", path, "verb", verb, "said",
                     said);
}

void people_accept(struct chat *chat, char *argv[WORDS_MAX]) {
    calls_person(chat, argv[0], act,
                 action("POST", "friends/requests", "/accept", "You are friends"));
}

void people_decline(struct chat *chat, char *argv[WORDS_MAX]) {
    calls_person(chat, argv[0], act, action("POST", "friends/requests", "/decline", "Declined"));
}

void people_remove(struct chat *chat, char *argv[WORDS_MAX]) {
    calls_person(chat, argv[0], act, action("DELETE", "friends", "", "No longer friends"));
}

void people_block(struct chat *chat, char *argv[WORDS_MAX]) {
    calls_person(chat, argv[0], act, action("PUT", "blocks", "", "Blocked"));
}

/* Who is blocked is not found by a search. */
void people_unblock(struct chat *chat, char *argv[WORDS_MAX]) {
    calls_find(chat, "/blocks", "user.nickname", argv[0], act,
               action("DELETE", "blocks", "", "The block is lifted"));
}
