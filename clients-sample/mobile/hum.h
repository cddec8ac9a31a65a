/* A Hum client for phones: what an app embeds. It keeps what was said in a file of its own, works
 * without a line, and sends what was written meanwhile when there is one.
 *
 * Fit for JNI and Swift: opaque handle, plain C types, no variadic function, no macro that code
 * needs. Text is UTF-8 ending in NUL; ids are int64_t (decimal strings in JSON), times milliseconds
 * since 1970 (UTC).
 *
 * Threads: any thread may call any function. One thread of the library's own speaks with the
 * server; events are told on it, one after another, and a callback may call anything but hum_close
 * and hum_wait. What is read comes from the store, without waiting for the line.
 */
#ifndef HUM_H
#define HUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hum hum;

typedef enum hum_result {
    HUM_DONE = 0,
    HUM_NO_MEMORY,
    HUM_NO_STORE,     /* the file cannot be opened, read or written, or is another version's */
    HUM_STORE_IN_USE, /* by another process */
    HUM_WRONG_USE,    /* an argument out of its bounds */
    HUM_NOT_SIGNED_IN,
    HUM_NOT_FOUND,
    HUM_FULL, /* the outbox has HUM_OUTBOX_MAX messages */
} hum_result;
/* static text, in English, for logs */
const char *hum_result_text(hum_result result);

enum { HUM_TEXT_MAX = 16000 /* bytes */, HUM_OUTBOX_MAX = 10000 };

/* ---- Events ---- */

typedef enum hum_line {
    HUM_LINE_OFF,  /* nobody is signed in, or hum_pause */
    HUM_LINE_AWAY, /* no line; tried again by itself */
    HUM_LINE_CONNECTING,
    HUM_LINE_CATCHING_UP, /* connected; what was missed is on its way */
    HUM_LINE_UP,
} hum_line;

typedef enum hum_event_kind {
    HUM_EVENT_LINE,       /* line */
    HUM_EVENT_SIGNED_IN,  /* user, call */
    HUM_EVENT_SIGNED_OUT, /* by the server or by hum_sign_out; code: why. The store is empty */
    HUM_EVENT_ROOMS,   /* the list of rooms, a room's title or right to send, or one's own read mark
                          changed; room, or 0: any. Messages change counts without a word of it */
    HUM_EVENT_MESSAGE, /* room, seq: stored, or changed by an edit or delete. room is the inbox's
                          for notices. seq 0: many at once, or a name is known now; room 0 too:
                          anything may have changed (see hum_wait) */
    HUM_EVENT_OUTBOX, /* room, nonce: written, sent (seq), or refused (code; not_found also when the
                         room is gone, and what waited for it) */
    HUM_EVENT_TYPING, /* room, user */
    HUM_EVENT_READ,   /* room, user, seq */
    HUM_EVENT_PRESENCE, /* user, online; of friends, who count as away until something is heard */
    HUM_EVENT_PROGRESS, /* of long work, done of total: text "sync", what was missed, in rooms; or
                           "older", hum_older of a room, over with done 1 (code: it failed) */
    HUM_EVENT_ANSWER, /* of hum_call: call, status (HTTP, or 0: no answer), code, text: the body */
} hum_event_kind;

/* Pointers are good until the callback returns. What a kind does not name is 0 or NULL. */
typedef struct hum_event {
    hum_event_kind kind;
    hum_line line;
    int64_t room, seq, user, call;
    int32_t status;
    bool online;
    int64_t done, total;
    const char *nonce;
    const char *code; /* a code of the contract: rate_limited, not_friends … */
    const char *text;
} hum_event;

typedef void (*hum_on_event)(void *arg, const hum_event *event);

/* ---- Life ---- */

typedef struct hum_config {
    const char *store;   /* path of the store's file; made with mode 0600 when missing */
    const char *url;     /* http(s)://host[:port] of the control API; a store in which somebody is
                            signed in belongs to the one that it was made with: WRONG_USE */
    const char *ca_file; /* PEM; NULL: the system's */
    const char *device_name; /* shown in the list of sessions */
    hum_on_event on_event;   /* NULL: hum_wait is used */
    void *arg;
    int32_t keepalive_max_s; /* 0: 900 */
} hum_config;

/* Opens the store and starts the library's thread; with a session in the store it connects.
 * *ret_hum is the caller's, to be given to hum_close. */
hum_result hum_open(const hum_config *config, hum **ret_hum);
/* Ends the thread (within 2 s) and closes the store. A hum_wait in another thread returns false; no
 * other call may be under way, or come after. NULL is taken. */
void hum_close(hum *hum);

/* For who has no callback, on one thread: takes the next event, waiting for at most timeout_ms (-1:
 * for ever). The pointers in *ret are good until the next call. False: none came. 1,000 wait at
 * most; past that the oldest ROOMS, TYPING, PRESENCE, PROGRESS go; when there are none of these,
 * others, and a MESSAGE without a room says so. */
bool hum_wait(hum *hum, int32_t timeout_ms, hum_event *ret_event);

/* The phone says: no network, or the app sleeps (paused), or there is one again. Resuming connects
 * at once. */
void hum_pause(hum *hum);
void hum_resume(hum *hum);

hum_line hum_line_now(hum *hum);

/* ---- Signing in ---- */

/* Both answer by HUM_EVENT_SIGNED_IN, or HUM_EVENT_ANSWER with the error's code. Return the call's
 * number; 0: wrong use.
 */
int64_t hum_sign_up(hum *hum, const char *email, const char *password, const char *nickname);
int64_t hum_sign_in(hum *hum, const char *email, const char *password);
/* Ends the session here at once and at the server when there is a line; empties the store. */
void hum_sign_out(hum *hum);
/* 0: nobody. */
int64_t hum_me(hum *hum);

/* ---- Everything else of REST ---- */

/* path below /v1, body JSON or NULL; answered by HUM_EVENT_ANSWER, with the access token renewed as
 * needed. Returns the call's number; 0: wrong use. At most 64 wait; not kept over hum_close. */
int64_t hum_call(hum *hum, const char *method, const char *path, const char *body);

/* ---- Reading: from the store, at once ---- */

typedef struct hum_room {
    int64_t id;
    const char *kind;  /* dm, server, channel, inbox */
    const char *title; /* of a DM: the other's nickname */
    int64_t last_seq, read_seq, unread;
    bool can_send;
} hum_room;

typedef struct hum_message {
    int64_t room, seq, id; /* seq and id 0: in the outbox */
    const char *kind;      /* text, edit, delete, or a notice of the inbox */
    int64_t from;
    const char *from_name; /* NULL: not known yet */
    const char *nonce;     /* NULL: none */
    const char *text;      /* NULL: deleted, or a notice */
    const char *data;      /* of a notice: JSON; else NULL */
    int64_t reply_to, target;
    int64_t sent_at, edited_at, deleted_at; /* 0: none */
    const char *refused; /* in the outbox: the code it was refused with; NULL: it will be sent */
} hum_message;

/* Called once a row, in order; pointers are good within; false ends the walk. */
typedef bool (*hum_on_room)(void *arg, const hum_room *room);
typedef bool (*hum_on_message)(void *arg, const hum_message *message);

hum_result hum_rooms(hum *hum, hum_on_room each, void *arg);
/* At most limit messages, ascending: the last of the room with a seq below before (0: the very
 * last, followed by what is in the outbox for it). */
hum_result hum_messages(hum *hum, int64_t room, int64_t before, int32_t limit, hum_on_message each,
                        void *arg);
/* Fetches a page that is older than what is stored; HUM_EVENT_PROGRESS tells when it is there, or
 * that it failed.
 * HUM_NOT_FOUND: there is nothing older. */
hum_result hum_older(hum *hum, int64_t room);

/* ---- Writing ---- */

/* Kept in the store when it returns: it will be sent once, whatever happens to the app. text: 1 to
 * 4,000 characters. reply_to 0: to nothing. ret_nonce: NULL, or room for 33 bytes. */
hum_result hum_send(hum *hum, int64_t room, const char *text, int64_t reply_to, char *ret_nonce);
/* Of one that was refused: tries it again, or forgets it. */
hum_result hum_send_again(hum *hum, const char *nonce);
hum_result hum_forget(hum *hum, const char *nonce);
/* Kept in the store, told when there is a line. */
hum_result hum_read(hum *hum, int64_t room, int64_t seq);
/* Not kept; nothing without a line. */
void hum_typing(hum *hum, int64_t room);

/* ---- Figures, for docs/battery.md and for curious people ---- */

typedef struct hum_figures {
    int64_t connects, mqtt_bytes_in, mqtt_bytes_out, rest_calls, tls_resumed;
    int32_t keepalive_s; /* of this connection */
} hum_figures;
void hum_figures_now(hum *hum, hum_figures *ret_figures);

#ifdef __cplusplus
}
#endif
#endif
