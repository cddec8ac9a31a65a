/* Rooms and what is said in them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "commands.h"

static const char *title_of(const hum_room *room) { return room->title == NULL ? "" : room->title; }

/* ---- Which rooms there are ---- */

struct wanted {
    int64_t id;        /* or 0 */
    const char *title; /* or NULL */
    int64_t found;
    char *kind, *found_title;
};

static bool is_wanted(void *arg, const hum_room *room) {
    struct wanted *wanted = arg;
    if (wanted->title != NULL
            ? strcasecmp(title_of(room), wanted->title) != 0 || room->kind[0] == 'i'
            : room->id != wanted->id)
        return true;
    wanted->found = room->id;
    snprintf(wanted->kind, KIND_SIZE, "%s", room->kind);
    snprintf(wanted->found_title, TITLE_SIZE, "%s", title_of(room));
    return false;
}

bool talk_room(struct chat *chat, int64_t id, char kind[KIND_SIZE], char title[TITLE_SIZE]) {
    struct wanted wanted = {.id = id, .kind = kind, .found_title = title};
    hum_rooms(chat->hum, is_wanted, &wanted);
    return wanted.found != 0;
}

static bool show_room(void *arg, const hum_room *room) {
    struct chat *chat = arg;
    char counts[48] = "", last[64];
    if (strcmp(room->kind, "inbox") == 0)
        return true;
    if (room->unread > 0)
        snprintf(counts, sizeof counts, " %" PRId64 "%s unread", room->unread,
                 room->unread >= 100 ? "+" : "");
    snprintf(last, sizeof last, " #%" PRId64, room->id);
    screen_line(chat->screen, "room", NULL,
                (struct piece[]){{DIM, room->kind},
                                 {DIM, last},
                                 {WARN, counts},
                                 {AS_IS, " "},
                                 {BOLD, title_of(room)},
                                 {DIM, room->can_send ? "" : " (read only)"},
                                 {0}});
    return true;
}

void talk_rooms(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    show_result(chat, "rooms", hum_rooms(chat->hum, show_room, chat));
}

/* ---- The open one ---- */

/* How far the other one has read. */
static void take_marks(struct chat *chat, json_t *room, json_t *context) {
    (void)context;
    marks_learn(&chat->marks, json_id(room, "id"),
                json_integer_value(json_object_get(room, "peer_read_seq")));
    if (!screen_is_plain(chat->screen))
        show_marks(chat);
}

void talk_open(struct chat *chat, int64_t room) {
    chat->room = room;
    chat->first_seq = 0;
    if (!talk_room(chat, room, chat->room_kind, chat->room_title))
        snprintf(chat->room_title, sizeof chat->room_title, "#%" PRId64, room);
    screen_line(chat->screen, "opened", NULL,
                (struct piece[]){{DIM, "── "}, {BOLD, chat->room_title}, {DIM, " ──"}, {0}});
    show_page(chat, 0, PAGE);
    if (strcmp(chat->room_kind, "dm") == 0 && chat->line == HUM_LINE_UP)
        calls_ask(chat, "GET", NULL, take_marks, NULL, "/rooms/%" PRId64, room);
}

static void opened_dm(struct chat *chat, json_t *room, json_t *context) {
    (void)context;
    chat->opening = json_id(room, "id");
    talk_opening(chat);
}

void talk_opening(struct chat *chat) {
    char kind[KIND_SIZE], title[TITLE_SIZE];
    int64_t room = chat->opening;
    if (room == 0 || !talk_room(chat, room, kind, title))
        return;
    chat->opening = 0;
    talk_open(chat, room);
}

static void open_with(struct chat *chat, json_t *person, json_t *context) {
    (void)context;
    calls_ask(chat, "POST", json_pack("{s:s}", "user_id", json_text(person, "id")), opened_dm, NULL,
              "/dms");
}

void talk_open_room(struct chat *chat, char *argv[WORDS_MAX]) {
    char kind[KIND_SIZE], title[TITLE_SIZE];
    struct wanted wanted = {.kind = kind, .found_title = title};
    if (*argv[0] == '#')
        wanted.id = strtoll(argv[0] + 1, NULL, 10);
    else
        wanted.title = argv[0];
    show_result(chat, "open", hum_rooms(chat->hum, is_wanted, &wanted));
    if (wanted.found != 0)
        talk_open(chat, wanted.found);
    else if (wanted.title != NULL)
        calls_person(chat, wanted.title, open_with, NULL);
    else
        show_problem(chat, "not_found", "There is no such room");
}

void talk_close(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    chat->room = 0;
    chat->room_title[0] = chat->room_kind[0] = '\0';
}

void talk_older(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    if (chat->first_seq > 1 && show_page(chat, chat->first_seq, PAGE))
        return;
    hum_result result = hum_older(chat->hum, chat->room);
    if (result == HUM_NOT_FOUND)
        screen_say(chat->screen, DIM, "none", "There is nothing older");
    else
        show_result(chat, "older", result);
    chat->older = result == HUM_DONE;
}

/* ---- Writing ---- */

void talk_say(struct chat *chat, int64_t room, const char *text, int64_t reply_to) {
    char nonce[33];
    hum_result result = hum_send(chat->hum, room, text, reply_to, nonce);
    if (result != HUM_DONE) {
        show_result(chat, "say", result);
        return;
    }
    const hum_message message = {.room = room,
                                 .kind = "text",
                                 .from = hum_me(chat->hum),
                                 .nonce = nonce,
                                 .text = text,
                                 .reply_to = reply_to,
                                 .sent_at = wall_ms()};
    if (room == chat->room || screen_is_plain(chat->screen))
        show_message(chat, &message, SHOW_PAGE);
}

static int64_t number_of(struct chat *chat, const char *word) {
    char *end;
    int64_t number = strtoll(*word == '#' ? word + 1 : word, &end, 10);
    if (number > 0 && *end == '\0')
        return number;
    show_problem(chat, "no_number", "The number of a message goes first");
    return 0;
}

void talk_reply(struct chat *chat, char *argv[WORDS_MAX]) {
    int64_t seq = number_of(chat, argv[0]);
    if (seq != 0)
        talk_say(chat, chat->room, argv[1], seq);
}

void talk_edit(struct chat *chat, char *argv[WORDS_MAX]) {
    int64_t seq = number_of(chat, argv[0]);
    if (seq != 0)
        calls_ask(chat, "PATCH", json_pack("{s:s}", "text", argv[1]), NULL, NULL,
                  "/rooms/%" PRId64 "/messages/%" PRId64, chat->room, seq);
}

void talk_delete(struct chat *chat, char *argv[WORDS_MAX]) {
    int64_t seq = number_of(chat, argv[0]);
    if (seq != 0)
        calls_ask(chat, "DELETE", NULL, NULL, NULL, "/rooms/%" PRId64 "/messages/%" PRId64,
                  chat->room, seq);
}

void talk_again(struct chat *chat, char *argv[WORDS_MAX]) {
    show_result(chat, "again", hum_send_again(chat->hum, argv[0]));
}

void talk_forget(struct chat *chat, char *argv[WORDS_MAX]) {
    show_result(chat, "forget", hum_forget(chat->hum, argv[0]));
}

static bool is_waiting(void *arg, const hum_message *message) {
    *(bool *)arg |= message->seq == 0 && message->refused == NULL;
    return true;
}

static bool has_waiting(void *arg, const hum_room *room) {
    struct chat *chat = arg;
    bool waits = false;
    hum_messages(chat->hum, room->id, 0, 1, is_waiting, &waits);
    chat->waits |= waits;
    return !waits;
}

bool talk_waits(struct chat *chat) {
    chat->waits = false;
    hum_rooms(chat->hum, has_waiting, chat);
    return chat->waits;
}

/* ---- The rest ---- */

void talk_notices(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    show_notices(chat);
}

void talk_figures(struct chat *chat, char *argv[WORDS_MAX]) {
    hum_figures figures;
    (void)argv;
    hum_figures_now(chat->hum, &figures);
    screen_say(chat->screen, AS_IS, "figures",
               "connects %" PRId64 ", in %" PRId64 " bytes, out %" PRId64 " bytes, REST %" PRId64
               " calls, TLS resumed %" PRId64 ", keep-alive %" PRId32 " s",
               figures.connects, figures.mqtt_bytes_in, figures.mqtt_bytes_out, figures.rest_calls,
               figures.tls_resumed, figures.keepalive_s);
}

void talk_pause(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    hum_pause(chat->hum);
}

void talk_resume(struct chat *chat, char *argv[WORDS_MAX]) {
    (void)argv;
    hum_resume(chat->hum);
}
