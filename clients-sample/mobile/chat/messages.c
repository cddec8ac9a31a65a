/* Messages and notices, as they are shown. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chat.h"

/* ---- Messages ---- */

static void message_key(char key[KEY_SIZE], const hum_message *message) {
    if (message->seq == 0)
        snprintf(key, KEY_SIZE, "n %s", message->nonce == NULL ? "" : message->nonce);
    else
        snprintf(key, KEY_SIZE, "m %" PRId64 " %" PRId64, message->room, message->seq);
}

static void clock_of(char text[16], int64_t at) {
    struct tm when;
    time_t seconds = at / 1000;
    if (at == 0 || localtime_r(&seconds, &when) == NULL || strftime(text, 16, "%H:%M", &when) == 0)
        snprintf(text, 16, "--:--");
}

static const char *mark_of(const struct chat *chat, const hum_message *message) {
    if (message->refused != NULL)
        return " ✗ ";
    if (message->seq == 0)
        return " ◌";
    return marks_of(&chat->marks, message->room) >= message->seq ? " ✓✓" : " ✓";
}

/* Puts right the line that a message has on the terminal. Where that has scrolled away, it is
 * written again if that says something new; where there is none, it is only written when it is
 * fresh. */
static void put_right(struct chat *chat, const hum_message *message, const struct piece *pieces,
                      const char *key) {
    char waiting[KEY_SIZE];
    snprintf(waiting, sizeof waiting, "n %s", message->nonce == NULL ? "" : message->nonce);
    enum screen_found found = screen_again(chat->screen, key, key, pieces);
    if (found == SCREEN_UNKNOWN && message->nonce != NULL)
        found = screen_again(chat->screen, waiting, key, pieces);
    bool changed = message->edited_at != 0 || message->deleted_at != 0 || message->refused != NULL;
    if (found == SCREEN_UNKNOWN || (found == SCREEN_OUT_OF_REACH && changed))
        screen_line(chat->screen, "", key, pieces);
}

/* The line of a message on a terminal. */
static void draw(struct chat *chat, const hum_message *message, enum showing how) {
    bool mine = message->from == hum_me(chat->hum);
    char key[KEY_SIZE], clock[16], number[48] = "", reply[32] = "";
    message_key(key, message);
    clock_of(clock, message->sent_at);
    if (message->seq != 0)
        snprintf(number, sizeof number, " #%" PRId64, message->seq);
    if (message->reply_to != 0)
        snprintf(reply, sizeof reply, "re #%" PRId64 " ", message->reply_to);
    const struct piece pieces[] = {
        {DIM, clock},
        {DIM, number},
        {AS_IS, " "},
        {mine ? BOLD : NAME, mine ? "you" : names_text(&chat->names, message->from)},
        {AS_IS, " "},
        {DIM, reply},
        {message->deleted_at != 0 ? DIM : AS_IS,
         message->text == NULL ? "(deleted)" : message->text},
        {DIM, message->edited_at != 0 && message->deleted_at == 0 ? " (edited)" : ""},
        {message->refused != NULL ? BAD : GOOD, mine ? mark_of(chat, message) : ""},
        {BAD, message->refused != NULL ? message->refused : ""},
        {0}};
    if (how == SHOW_PAGE)
        screen_line(chat->screen, "", key, pieces);
    else if (how == SHOW_MARKS)
        screen_again(chat->screen, key, key, pieces);
    else
        put_right(chat, message, pieces, key);
}

/* The same for scripts: word room seq|nonce [who] text */
static void record(struct chat *chat, const hum_message *message) {
    bool mine = message->from == hum_me(chat->hum);
    const char *who = names_text(&chat->names, message->from);
    const char *nonce = message->nonce == NULL ? "-" : message->nonce;
    if (message->refused != NULL)
        screen_say(chat->screen, AS_IS, "refused", "%" PRId64 " %s %s %s", message->room, nonce,
                   message->refused, message->text);
    else if (message->seq == 0)
        screen_say(chat->screen, AS_IS, "pending", "%" PRId64 " %s %s", message->room, nonce,
                   message->text);
    else if (message->deleted_at != 0)
        screen_say(chat->screen, AS_IS, "deleted", "%" PRId64 " %" PRId64 " %s", message->room,
                   message->seq, mine ? "you" : who);
    else if (mine)
        screen_say(chat->screen, AS_IS, message->edited_at != 0 ? "mine-edited" : "mine",
                   "%" PRId64 " %" PRId64 " %s %s", message->room, message->seq, nonce,
                   message->text);
    else
        screen_say(chat->screen, AS_IS, message->edited_at != 0 ? "from-edited" : "from",
                   "%" PRId64 " %" PRId64 " %s %s", message->room, message->seq, who,
                   message->text);
}

static bool is_text(const hum_message *message) { return strcmp(message->kind, "text") == 0; }

void show_message(struct chat *chat, const hum_message *message, enum showing how) {
    names_learn(&chat->names, message->from, message->from_name);
    if (screen_is_plain(chat->screen))
        record(chat, message);
    else
        draw(chat, message, how);
}

/* ---- One of the store ---- */

struct one {
    struct chat *chat;
    int64_t seq;
};

static void show_elsewhere(struct chat *chat, const hum_message *message) {
    char title[TITLE_SIZE], kind[KIND_SIZE];
    if (message->from == hum_me(chat->hum) || message->text == NULL || message->edited_at != 0 ||
        chat->line != HUM_LINE_UP || !talk_room(chat, message->room, kind, title))
        return;
    bool dm = strcmp(kind, "dm") == 0;
    screen_say(chat->screen, DIM, "", "%s%s%s: %s", names_text(&chat->names, message->from),
               dm ? "" : " in ", dm ? "" : title, message->text);
}

static void show_one(struct chat *chat, const hum_message *message) {
    names_learn(&chat->names, message->from, message->from_name);
    if (message->room == chat->room || screen_is_plain(chat->screen))
        show_message(chat, message, SHOW_NEWS);
    else
        show_elsewhere(chat, message);
}

static bool with_one(void *arg, const hum_message *message) {
    const struct one *one = arg;
    if (message->seq != one->seq)
        return true;
    if (is_text(message))
        show_one(one->chat, message);
    else if (message->target != 0) /* an edit, a delete: what it was done to is another now */
        show_changed(one->chat, message->room, message->target);
    return true;
}

/* ---- Notices ---- */

static const char *notice_words(const char *kind) {
    static const struct {
        const char *kind, *words;
    } known[] = {
        {"friend_request_received", "asks to be friends: /accept or /decline"},
        {"friend_request_accepted", "is your friend now"},
        {"friend_request_declined", "would rather not be friends"},
        {"friend_removed", "is no longer your friend"},
        {"dm_opened", "opened a conversation with you"},
        {"server_invite_received", "invites you (see /invites) to"},
        {"server_removed", "you are no longer in"},
        {"channel_removed", "there is no longer a channel"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].kind, kind) == 0)
            return known[i].words;
    return kind;
}

static void say_notice(struct chat *chat, const hum_message *message, const char *who,
                       const char *what) {
    if (screen_is_plain(chat->screen))
        screen_say(chat->screen, AS_IS, "notice", "%" PRId64 " %s %s%s%s", message->seq,
                   message->kind, who, *who != '\0' && *what != '\0' ? " " : "", what);
    else
        screen_say(chat->screen, NAME, "", "%s%s%s%s%s", who, *who == '\0' ? "" : " ",
                   notice_words(message->kind), *what == '\0' ? "" : " ", what);
}

static bool with_notice(void *arg, const hum_message *message) {
    const struct one *one = arg;
    if (message->data == NULL || (one->seq != 0 && message->seq != one->seq))
        return true;
    json_t *data = json_loads(message->data, 0, NULL);
    const json_t *user = json_object_get(data, "user");
    const json_t *thing = json_object_get(data, "channel");
    if (thing == NULL)
        thing = json_object_get(data, "server");
    names_learn(&one->chat->names, json_id(user, "id"),
                json_string_value(json_object_get(user, "nickname")));
    say_notice(one->chat, message, json_text(user, "nickname"), json_text(thing, "name"));
    if (one->seq != 0 && strncmp(message->kind, "friend_", 7) == 0)
        people_load(one->chat);
    json_decref(data);
    return true;
}

/* An event may come for what was told already with others. */
static bool with_changed(void *arg, const hum_message *message) {
    if (message->edited_at != 0 || message->deleted_at != 0)
        with_one(arg, message);
    return true;
}

void show_changed(struct chat *chat, int64_t room, int64_t seq) {
    struct one one = {chat, seq};
    if (room != hum_me(chat->hum))
        hum_messages(chat->hum, room, seq + 1, 1, with_changed, &one);
}

void show_new(struct chat *chat, int64_t room, int64_t seq) {
    struct one one = {chat, seq};
    if (room == hum_me(chat->hum)) {
        hum_messages(chat->hum, room, seq + 1, 1, with_notice, &one);
        return;
    }
    hum_messages(chat->hum, room, seq + 1, 1, with_one, &one);
    if (room == chat->room) {
        chat->typing_room = 0;
        hum_read(chat->hum, room, seq);
    }
}

void show_notices(struct chat *chat) {
    struct one all = {chat, 0};
    show_result(chat, "notices",
                hum_messages(chat->hum, hum_me(chat->hum), 0, 50, with_notice, &all));
}

/* ---- The open room ---- */

struct page {
    struct chat *chat;
    int64_t first, last;
};

static bool with_page(void *arg, const hum_message *message) {
    struct page *page = arg;
    if (message->seq != 0 && page->first == 0)
        page->first = message->seq;
    if (message->seq > page->last)
        page->last = message->seq;
    if (is_text(message))
        show_message(page->chat, message, SHOW_PAGE);
    return true;
}

bool show_page(struct chat *chat, int64_t before, int32_t limit) {
    struct page page = {.chat = chat};
    hum_result result = hum_messages(chat->hum, chat->room, before, limit, with_page, &page);
    show_result(chat, "history", result);
    if (page.first != 0)
        chat->first_seq = page.first;
    if (before == 0 && page.last != 0) {
        news_shown(chat, chat->room, page.last);
        hum_read(chat->hum, chat->room, page.last);
    }
    return page.first != 0;
}

static bool with_marked(void *arg, const hum_message *message) {
    struct chat *chat = arg;
    if (message->seq != 0 && is_text(message) && message->from == hum_me(chat->hum))
        show_message(chat, message, SHOW_MARKS);
    return true;
}

static bool with_named(void *arg, const hum_message *message) {
    struct chat *chat = arg;
    names_learn(&chat->names, message->from, message->from_name);
    if (message->seq != 0 && is_text(message) && message->from != hum_me(chat->hum))
        show_message(chat, message, SHOW_MARKS);
    return true;
}

void show_names(struct chat *chat) {
    if (!screen_is_plain(chat->screen))
        hum_messages(chat->hum, chat->room, 0, 50, with_named, chat);
}

void show_marks(struct chat *chat) {
    hum_messages(chat->hum, chat->room, 0, 50, with_marked, chat);
}

/* ---- What was refused ---- */

struct refused {
    struct chat *chat;
    const char *nonce;
};

static bool with_refused(void *arg, const hum_message *message) {
    const struct refused *refused = arg;
    if (message->seq != 0 || message->nonce == NULL || strcmp(message->nonce, refused->nonce) != 0)
        return true;
    show_message(refused->chat, message, SHOW_NEWS);
    return false;
}

void show_refused(struct chat *chat, int64_t room, const char *nonce) {
    struct refused refused = {chat, nonce};
    hum_messages(chat->hum, room, 0, 1000, with_refused, &refused);
}
