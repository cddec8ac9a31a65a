/* hum-chat: what its parts share. Everything here runs on one thread; see main.c. */
#ifndef HUM_CHAT_H
#define HUM_CHAT_H

#include <jansson.h>

#include "../hum.h"
#include "names.h"
#include "news.h"
#include "screen.h"

struct chat;

/* ---- Calls (calls.c) ---- */

/* The answer of a call that went well. body: NULL where there is none. What was refused is said by
 * calls.c. context is what was given with the call. */
typedef void (*on_answer)(struct chat *chat, json_t *body, json_t *context);
/* An item that was looked for. */
typedef void (*on_found)(struct chat *chat, json_t *item, json_t *context);

struct call {
    int64_t id; /* 0: free */
    on_answer answer;
    on_found found;
    json_t *context;
};

enum { CALLS_MAX = 64, PAGE = 30 /* messages */ };

/* body and context are freed by the callee, may be NULL; answer may be NULL. */
__attribute__((format(printf, 6, 7))) void calls_ask(struct chat *chat, const char *method,
                                                     json_t *body, on_answer answer,
                                                     json_t *context, const char *path, ...);
/* Goes through a list of items, page by page. wanted is the text of the items' member, or the part
 * behind a # is their id. member: "name", "user.nickname" … Says so when there is none. */
void calls_find(struct chat *chat, const char *path, const char *member, const char *wanted,
                on_found found, json_t *context);
/* Somebody by nickname or #id: the item is a User, or only has their id. */
void calls_person(struct chat *chat, const char *wanted, on_found found, json_t *context);
/* A call that hum.h has begun by itself (signing in): only what is refused is said. */
void calls_watch(struct chat *chat, int64_t id);
/* HUM_EVENT_ANSWER. */
void calls_answer(struct chat *chat, const hum_event *event);
bool calls_wait(const struct chat *chat);
void calls_forget(struct chat *chat);

/* Text in a path or query; to be freed. */
char *calls_escape(const char *text);
/* "" where there is none. */
const char *json_text(const json_t *object, const char *member);
int64_t json_id(const json_t *object, const char *member);

/* ---- The program ---- */

enum { KIND_SIZE = 16, TITLE_SIZE = 408 /* 100 characters */ };

typedef void (*on_secret)(struct chat *chat, const char *secret);

struct chat {
    hum *hum;
    struct input *input;
    struct screen *screen;
    struct names names;
    struct news news;
    struct call calls[CALLS_MAX];
    hum_line line;
    bool quit;

    int64_t room; /* the open one; 0: none */
    char room_kind[KIND_SIZE], room_title[TITLE_SIZE];
    int64_t first_seq; /* of what the screen shows of it */
    struct marks marks;
    int64_t opening; /* a room to be opened once it is in the store */
    bool older;      /* what was asked for is shown once it is there */

    int64_t typing_room, typing_user, typing_until; /* who writes here; monotonic ms */
    int64_t told_typing;
    char progress[160]; /* of long work; "": none */

    bool waits;      /* of talk_waits */
    int64_t ends_at; /* input has ended: when to end at the latest */

    on_secret secret;
    char email[256], nickname[64];
};

int64_t now_ms(void);  /* monotonic */
int64_t wall_ms(void); /* since 1970 */

/* commands.c: a line that was typed. */
void commands_run(struct chat *chat, char *line);

/* show.c */
void show_event(struct chat *chat, const hum_event *event);
void show_prompt(struct chat *chat);
void show_result(struct chat *chat, const char *what, hum_result result); /* unless HUM_DONE */
void show_problem(struct chat *chat, const char *code, const char *detail);

/* A thing of a list, or what became of one: its number, name, and what else there is to say. */
void show_thing(struct chat *chat, const char *word, const json_t *thing, const char *name,
                const char *more);
/* The same of a person, whose name is learnt: the name goes first. */
void show_person(struct chat *chat, const char *word, const json_t *user, const char *more);

/* messages.c */
enum showing {
    SHOW_PAGE,  /* history: a line each */
    SHOW_NEWS,  /* puts right a line that is there, or adds one */
    SHOW_MARKS, /* puts right a line that is there */
};
void show_message(struct chat *chat, const hum_message *message, enum showing how);
/* A message, or a notice, of the store that was not there before; and one that was. */
void show_new(struct chat *chat, int64_t room, int64_t seq);
void show_changed(struct chat *chat, int64_t room, int64_t seq);
void show_notices(struct chat *chat);
/* Of the open room, those below before, 0: the newest, which are read then. False: none. */
bool show_page(struct chat *chat, int64_t before, int32_t limit);
void show_marks(struct chat *chat);
/* Who wrote what is on the screen may be known by now. */
void show_names(struct chat *chat);
void show_refused(struct chat *chat, int64_t room, const char *nonce);

/* talk.c */
void talk_open(struct chat *chat, int64_t room);
/* Opens what was asked for, if it has come. */
void talk_opening(struct chat *chat);
/* Whether anything that was written waits to be sent. */
bool talk_waits(struct chat *chat);
/* Kind and title of a room that is in the store. */
bool talk_room(struct chat *chat, int64_t id, char kind[KIND_SIZE], char title[TITLE_SIZE]);
void talk_say(struct chat *chat, int64_t room, const char *text, int64_t reply_to);

/* people.c */
void people_load(struct chat *chat);
/* Tells a script who is online, once it is known who that is. */
void people_presence(struct chat *chat, struct name *name);

#endif
