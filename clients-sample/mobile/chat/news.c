#include "news.h"

#include <stdlib.h>
#include <string.h>

#include "chat.h"

enum { WINDOW = 200 };

void news_free(struct news *news) {
    free(news->rooms);
    *news = (struct news){0};
}

static struct told *find(const struct news *news, int64_t room) {
    for (int i = 0; i < news->count; i++)
        if (news->rooms[i].room == room)
            return &news->rooms[i];
    return NULL;
}

static struct told *add(struct news *news, int64_t room, int64_t seq) {
    if (news->count == news->cap) {
        int cap = news->cap == 0 ? 64 : news->cap * 2;
        struct told *rooms = reallocarray(news->rooms, (size_t)cap, sizeof *rooms);
        if (rooms == NULL)
            return NULL;
        news->rooms = rooms;
        news->cap = cap;
    }
    news->rooms[news->count] = (struct told){room, seq};
    return &news->rooms[news->count++];
}

/* ---- Rooms that come ---- */

static bool last_number(void *arg, const hum_message *message) {
    int64_t *last = arg;
    *last = message->seq > *last ? message->seq : *last;
    return true;
}

static int64_t last_stored(struct chat *chat, int64_t room) {
    int64_t last = 0;
    hum_messages(chat->hum, room, INT64_MAX, 1, last_number, &last); /* not the outbox */
    return last;
}

struct ids {
    int64_t *all;
    int count, cap;
};

static bool take_id(void *arg, const hum_room *room) {
    struct ids *ids = arg;
    if (ids->count == ids->cap) {
        int cap = ids->cap == 0 ? 64 : ids->cap * 2;
        int64_t *all = reallocarray(ids->all, (size_t)cap, sizeof *all);
        if (all == NULL)
            return false;
        ids->all = all;
        ids->cap = cap;
    }
    ids->all[ids->count++] = room->id;
    return true;
}

/* Calls a function for each room there is. */
static void each_room(struct chat *chat, void (*each)(struct chat *, int64_t)) {
    struct ids ids = {0};
    hum_rooms(chat->hum, take_id, &ids);
    for (int i = 0; i < ids.count; i++)
        each(chat, ids.all[i]);
    free(ids.all);
}

static void know(struct chat *chat, int64_t room) {
    if (find(&chat->news, room) == NULL)
        add(&chat->news, room, last_stored(chat, room));
}

void news_begin(struct chat *chat) {
    each_room(chat, know);
    chat->news.settled = hum_me(chat->hum) != 0;
}

/* A conversation that somebody has begun is new as a whole. What was said before one came is not:
 * in a server or channel, and anywhere when one has just signed in. */
static struct told *told_of(struct chat *chat, int64_t room, int64_t seq) {
    char kind[KIND_SIZE], title[TITLE_SIZE];
    struct told *told = find(&chat->news, room);
    if (told != NULL)
        return told;
    if (!talk_room(chat, room, kind, title))
        return NULL;
    bool whole = chat->news.settled && (strcmp(kind, "dm") == 0 || strcmp(kind, "inbox") == 0);
    int64_t first = seq != 0 && chat->news.settled ? seq - 1 : last_stored(chat, room);
    return add(&chat->news, room, whole ? 0 : first);
}

/* ---- Telling ---- */

struct telling {
    struct chat *chat;
    int64_t room, next; /* the next number that is to be told */
    bool holes;         /* are passed over */
    int64_t seqs[WINDOW];
    int count;
};

static bool collect(void *arg, const hum_message *message) {
    struct telling *telling = arg;
    if (message->seq < telling->next)
        return true;
    if ((message->seq > telling->next && !telling->holes) || telling->count == WINDOW)
        return false;
    telling->seqs[telling->count++] = message->seq;
    telling->next = message->seq + 1;
    return true;
}

static void tell(struct chat *chat, struct told *told, bool holes) {
    int64_t room = told->room, last = last_stored(chat, room);
    struct telling telling = {.chat = chat, .room = room, .next = told->seq + 1, .holes = holes};
    while (telling.next <= last) {
        int64_t from = telling.next;
        telling.count = 0;
        hum_messages(chat->hum, room, from + WINDOW, WINDOW, collect, &telling);
        for (int i = 0; i < telling.count; i++)
            show_new(chat, room, telling.seqs[i]);
        if (telling.count == 0 && !holes)
            break;
        if (telling.count == 0)
            telling.next = from + WINDOW;
    }
    told = find(&chat->news, room);
    if (told != NULL && telling.next - 1 > told->seq)
        told->seq = telling.next - 1 < last ? telling.next - 1 : last;
}

static void tell_room(struct chat *chat, int64_t room) {
    struct told *told = told_of(chat, room, 0);
    if (told != NULL)
        tell(chat, told, false);
}

static void tell_rest(struct chat *chat, int64_t room) {
    struct told *told = told_of(chat, room, 0);
    if (told != NULL)
        tell(chat, told, true);
}

void news_message(struct chat *chat, int64_t room, int64_t seq) {
    if (room == 0) {
        each_room(chat, tell_room);
        return;
    }
    struct told *told = told_of(chat, room, seq);
    if (told != NULL && seq != 0 && seq <= told->seq)
        show_changed(chat, room, seq);
    else if (told != NULL)
        tell(chat, told, false);
    if (seq == 0 && room == chat->room)
        show_names(chat);
}

void news_settled(struct chat *chat) {
    each_room(chat, chat->news.settled ? tell_rest : know);
    chat->news.settled = true;
}

void news_shown(struct chat *chat, int64_t room, int64_t seq) {
    struct told *told = find(&chat->news, room);
    if (told == NULL)
        add(&chat->news, room, seq);
    else if (seq > told->seq)
        told->seq = seq;
}
