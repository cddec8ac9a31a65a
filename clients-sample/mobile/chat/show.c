/* Events, as they are shown. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chat.h"

enum { TYPING_MS = 5000, BAR = 12 };

void show_problem(struct chat *chat, const char *code, const char *detail) {
    screen_say(chat->screen, BAD, "error", "%s%s%s", code, *detail == '\0' ? "" : ": ", detail);
}

void show_result(struct chat *chat, const char *what, hum_result result) {
    if (result != HUM_DONE)
        screen_say(chat->screen, BAD, "error", "%s: %s", what, hum_result_text(result));
}

/* ---- Things and people ---- */

void show_thing(struct chat *chat, const char *word, const json_t *thing, const char *name,
                const char *more) {
    screen_line(chat->screen, word, NULL,
                (struct piece[]){{DIM, "#"},
                                 {DIM, json_text(thing, "id")},
                                 {AS_IS, " "},
                                 {BOLD, name},
                                 {AS_IS, *more == '\0' ? "" : " "},
                                 {AS_IS, more},
                                 {0}});
}

void show_person(struct chat *chat, const char *word, const json_t *user, const char *more) {
    names_learn(&chat->names, json_id(user, "id"), json_text(user, "nickname"));
    screen_line(chat->screen, word, NULL,
                (struct piece[]){{NAME, json_text(user, "nickname")},
                                 {DIM, " #"},
                                 {DIM, json_text(user, "id")},
                                 {AS_IS, *more == '\0' ? "" : " "},
                                 {AS_IS, more},
                                 {0}});
}

/* ---- What stands before the line ---- */

static const char *const line_words[] = {[HUM_LINE_OFF] = "off",
                                         [HUM_LINE_AWAY] = "away",
                                         [HUM_LINE_CONNECTING] = "connecting",
                                         [HUM_LINE_CATCHING_UP] = "catching-up",
                                         [HUM_LINE_UP] = "up"};

static enum style line_style(hum_line line) {
    return line == HUM_LINE_UP ? GOOD : line >= HUM_LINE_CONNECTING ? WARN : BAD;
}

static bool count_unread(void *arg, const hum_room *room) {
    *(int64_t *)arg += strcmp(room->kind, "inbox") == 0 ? 0 : room->unread;
    return true;
}

void show_prompt(struct chat *chat) {
    char unread[32] = "", typing[160] = "", state[192] = "", where[64];
    int64_t count = 0;
    if (screen_is_plain(chat->screen))
        return;
    hum_rooms(chat->hum, count_unread, &count);
    if (count > 0)
        snprintf(unread, sizeof unread, "%s(%" PRId64 ")", chat->room == 0 ? "" : " ", count);
    if (chat->typing_room == chat->room && chat->room != 0 && now_ms() < chat->typing_until)
        snprintf(typing, sizeof typing, "%s is typing… ",
                 names_text(&chat->names, chat->typing_user));
    if (chat->progress[0] != '\0')
        snprintf(state, sizeof state, "%s ", chat->progress);
    else if (chat->line != HUM_LINE_UP)
        snprintf(state, sizeof state, "%s ", line_words[chat->line]);
    snprintf(where, sizeof where, "%.40s", chat->room_title);
    const struct name *other = chat->room == 0 ? NULL : names_with_dm(&chat->names, chat->room);
    screen_prompt(chat->screen,
                  (struct piece[]){{line_style(chat->line), "● "},
                                   {line_style(chat->line), state},
                                   {DIM, typing},
                                   {BOLD, where},
                                   {GOOD, other != NULL && other->online ? " online" : ""},
                                   {WARN, unread},
                                   {AS_IS, "› "},
                                   {0}});
}

/* ---- Events ---- */

static void show_line(struct chat *chat, const hum_event *event) {
    hum_line before = chat->line;
    chat->line = event->line;
    if (event->line == HUM_LINE_UP || event->line == HUM_LINE_OFF)
        chat->progress[0] = '\0';
    if (screen_is_plain(chat->screen))
        screen_say(chat->screen, AS_IS, "line", "%s", line_words[event->line]);
    if (event->line == HUM_LINE_UP && before != HUM_LINE_UP) {
        news_settled(chat);
        people_load(chat);
    }
    for (int i = 0; event->line < HUM_LINE_CONNECTING && i < chat->names.count; i++)
        chat->names.all[i].online = false; /* who is will be told again */
}

static void show_message_event(struct chat *chat, const hum_event *event) {
    news_message(chat, event->room, event->seq);
}

/* What was written is shown at once, and what was sent by its message. */
static void show_outbox(struct chat *chat, const hum_event *event) {
    if (event->code != NULL && event->nonce != NULL)
        show_refused(chat, event->room, event->nonce);
}

static void show_typing(struct chat *chat, const hum_event *event) {
    if (event->user == hum_me(chat->hum))
        return;
    chat->typing_room = event->room;
    chat->typing_user = event->user;
    chat->typing_until = now_ms() + TYPING_MS;
    if (screen_is_plain(chat->screen))
        screen_say(chat->screen, AS_IS, "typing", "%" PRId64 " %s", event->room,
                   names_text(&chat->names, event->user));
}

static void show_read(struct chat *chat, const hum_event *event) {
    if (event->user == hum_me(chat->hum))
        return;
    marks_learn(&chat->marks, event->room, event->seq);
    if (screen_is_plain(chat->screen))
        screen_say(chat->screen, AS_IS, "read", "%" PRId64 " %s %" PRId64, event->room,
                   names_text(&chat->names, event->user), event->seq);
    else if (event->room == chat->room)
        show_marks(chat);
}

static void show_presence(struct chat *chat, const hum_event *event) {
    struct name *name = names_of(&chat->names, event->user);
    if (name == NULL)
        return;
    name->online = event->online;
    people_presence(chat, name);
}

static void draw_progress(struct chat *chat, const hum_event *event, const char *what) {
    static const char full[] = "▰▰▰▰▰▰▰▰▰▰▰▰", empty[] = "▱▱▱▱▱▱▱▱▱▱▱▱";
    int64_t filled = event->total > 0 ? event->done * BAR / event->total : 0;
    filled = filled < 0 ? 0 : filled > BAR ? BAR : filled;
    int on = (int)filled * 3, off = (BAR - (int)filled) * 3; /* bytes */
    snprintf(chat->progress, sizeof chat->progress, "%.*s%.*s %" PRId64 "/%" PRId64 " %.40s", on,
             full, off, empty, event->done, event->total, what);
    if (event->done >= event->total)
        chat->progress[0] = '\0';
}

static void show_progress(struct chat *chat, const hum_event *event) {
    const char *what = event->text == NULL ? "" : event->text;
    if (screen_is_plain(chat->screen))
        screen_say(chat->screen, AS_IS, "progress", "%" PRId64 "/%" PRId64 " %s", event->done,
                   event->total, what);
    else
        draw_progress(chat, event, what);
    if (!chat->older || strcmp(what, "older") != 0 || event->done < event->total)
        return;
    chat->older = false;
    if (event->code != NULL)
        show_problem(chat, event->code, "");
    else if (!show_page(chat, chat->first_seq, PAGE))
        screen_say(chat->screen, DIM, "none", "There is nothing older");
}

static void show_rooms(struct chat *chat, const hum_event *event) {
    char kind[KIND_SIZE], title[TITLE_SIZE];
    (void)event;
    talk_opening(chat);
    if (chat->room != 0 && !talk_room(chat, chat->room, kind, title)) {
        screen_say(chat->screen, WARN, "closed", "%s: you are no longer in this room",
                   chat->room_title);
        chat->room = 0;
        chat->room_title[0] = chat->room_kind[0] = '\0';
    }
}

static void signed_in(struct chat *chat, const hum_event *event) {
    screen_say(chat->screen, GOOD, "signed-in",
               screen_is_plain(chat->screen) ? "%" PRId64
                                             : "You are signed in (#%" PRId64
                                               "). /help says what there is.",
               event->user != 0 ? event->user : hum_me(chat->hum));
}

static void signed_out(struct chat *chat, const hum_event *event) {
    const char *why = event->code == NULL ? "" : event->code;
    calls_forget(chat);
    names_free(&chat->names);
    news_free(&chat->news);
    chat->room = 0;
    chat->room_title[0] = chat->progress[0] = '\0';
    if (screen_is_plain(chat->screen))
        screen_say(chat->screen, AS_IS, "signed-out", "%s", why);
    else
        screen_say(chat->screen, WARN, "", "You are signed out here%s%s. /login or /signup",
                   *why == '\0' ? "" : ": ", why);
}

void show_event(struct chat *chat, const hum_event *event) {
    static void (*const shows[])(struct chat *, const hum_event *) = {
        [HUM_EVENT_LINE] = show_line,
        [HUM_EVENT_SIGNED_IN] = signed_in,
        [HUM_EVENT_ROOMS] = show_rooms,
        [HUM_EVENT_SIGNED_OUT] = signed_out,
        [HUM_EVENT_MESSAGE] = show_message_event,
        [HUM_EVENT_OUTBOX] = show_outbox,
        [HUM_EVENT_TYPING] = show_typing,
        [HUM_EVENT_READ] = show_read,
        [HUM_EVENT_PRESENCE] = show_presence,
        [HUM_EVENT_PROGRESS] = show_progress,
        [HUM_EVENT_ANSWER] = calls_answer,
    };
    size_t kind = (size_t)event->kind;
    if (kind < sizeof shows / sizeof *shows && shows[kind] != NULL)
        shows[kind](chat, event);
}
