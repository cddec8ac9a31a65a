/* What a client knows, in one SQLite file: who is signed in, people, rooms, messages, what waits to
 * be sent and to be told. It works without a line and is whole after a kill at any moment.
 *
 * Any thread; one connection under a mutex. Callbacks run without the mutex, on rows that were
 * copied out before: they may call anything here. One process at a time: the file stays locked
 * while it is open. Made with mode 0600; what is emptied is overwritten in the file.
 *
 * How durable: the session, the outbox and its order are on the disk when the call returns (fsync).
 * The rest is safe from a kill of the process, and after a loss of power at worst a little older,
 * which a sync mends.
 *
 * A function that returns a hum_result returns HUM_DONE, what is named with it, or HUM_NO_STORE
 * (the disk is full, the file is gone bad) and HUM_NO_MEMORY; then nothing of it was done.
 */
#ifndef HUM_STORE_H
#define HUM_STORE_H

#include "hum.h"

struct store;

/* HUM_NO_STORE also: of a later version, or no store at all. HUM_STORE_IN_USE. */
hum_result store_open(const char *path, struct store **ret_store);
void store_close(struct store *store); /* takes NULL */

/* Forgets everything (a sign-out): also the texts in the file's free pages and its log. */
hum_result store_empty(struct store *store);

/* ---- Session ---- */

/* Texts are the caller's when put, and freed by store_session_free when got. None is NULL but
 * access_token. */
typedef struct store_session {
    int64_t user, session;
    char *nickname;
    char *refresh_token;
    char *access_token; /* NULL: none */
    int64_t access_until;
    char *mqtt_client_id, *mqtt_username, *mqtt_password;
    int64_t mqtt_until;
    char *mqtt_tcp; /* mqtt://host:port or mqtts://host:port */
} store_session;

/* To be called before the refresh token in it is used. Of another user than before: the store is
 * emptied first. */
hum_result store_session_put(struct store *store, const store_session *session);
/* HUM_NOT_SIGNED_IN: there is none. */
hum_result store_session_get(struct store *store, store_session *ret_session);
void store_session_free(store_session *session); /* zeroes the secrets */

/* ---- Small things that were learnt (keep-alive, a TLS session, when something was) ---- */

/* name: up to 64 bytes. Gone after store_empty. */
hum_result store_number_put(struct store *store, const char *name, int64_t value);
/* otherwise: when there is none, or it cannot be read */
int64_t store_number(struct store *store, const char *name, int64_t otherwise);
/* length 0 forgets it; 64 KiB at most: HUM_WRONG_USE */
hum_result store_bytes_put(struct store *store, const char *name, const void *bytes, size_t length);
/* *ret_bytes is to be freed. HUM_NOT_FOUND */
hum_result store_bytes(struct store *store, const char *name, void **ret_bytes, size_t *ret_length);

/* ---- People ---- */

typedef struct store_person {
    int64_t id;
    const char *nickname;
} store_person;

hum_result store_people_take(struct store *store, const store_person *people, size_t count);
/* From now on these are the friends, and nobody else (whose presence is worth a filter). Their
 * nicknames are taken too. */
hum_result store_friends_set(struct store *store, const store_person *friends, size_t count);
typedef bool (*store_on_person)(void *arg, const store_person *person); /* false ends the walk */
hum_result store_friends(struct store *store, store_on_person each, void *arg);
/* Copies the nickname, cut at size - 1 bytes. HUM_NOT_FOUND: not known yet; *ret is "". */
hum_result store_nickname(struct store *store, int64_t user, char *ret, size_t size);

/* ---- Rooms ---- */

/* Of a room's log the store has, without a hole, seq low to whole (whole is low - 1: none of it).
 * Of what lies beyond whole it may hold some; what lies below low is to be fetched when somebody
 * scrolls up to it. `whole` is the cursor for a sync. */
typedef struct store_room {
    hum_room shown;    /* .unread when taken: what the server counted */
    const char *topic; /* dm/5, server/7, server/7/channel/9; of the inbox user/{uid} */
    int64_t low, whole;
} store_room;

/* The whole list, as GET /rooms gave it (low and whole are ignored). Rooms that the store does not
 * have yet begin at the last `first` entries: low = max(1, last_seq - first + 1), whole = low - 1.
 * Rooms that are no longer in it go with their messages and what waits for them in the outbox.
 * read_seq never moves down. *ret_changed (NULL: not asked): anything is other than before. */
hum_result store_rooms_take(struct store *store, const store_room *rooms, size_t count,
                            int64_t first, bool *ret_changed);
typedef bool (*store_on_room)(void *arg, const store_room *room); /* false ends the walk */
/* By what happened last, the latest first. shown.unread is counted from what is stored, to 100,
 * among the last 1,000 entries of a room. */
hum_result store_rooms(struct store *store, store_on_room each, void *arg);
/* One of them, HUM_NOT_FOUND. each is called once. */
hum_result store_room_of(struct store *store, int64_t room, store_on_room each, void *arg);

/* The server has said all there is up to seq (a sync whose `more` does not name the room): whole
 * moves to it even if entries are missing, and beyond as far as entries are stored. */
hum_result store_whole(struct store *store, int64_t room, int64_t seq);
/* Too much was missed: the room's history begins anew behind seq (low = seq + 1, whole = seq, then
 * as far as entries are stored); what is below goes. Only upwards: otherwise nothing is done. */
hum_result store_restart(struct store *store, int64_t room, int64_t seq);

/* ---- Messages ---- */

enum {
    STORE_NEW = 1,     /* it was not there */
    STORE_CHANGED = 2, /* it was, and is another now; or its target is (an edit, a delete) */
    STORE_OWN = 4, /* it is what waited in the outbox with its nonce, which is gone from there */
    STORE_GAP = 8, /* after the batch: entries are missing between whole and what is stored */
    STORE_NO_ROOM = 16 /* the room is not known, and so the message was not stored */
};

/* Takes messages from whatever source (live, sync, a page of history, an answer to a POST) in any
 * order, any number of times, in one transaction: the result is the same. Edits and deletes are
 * applied to their target, now or when it comes; whole and low move as far as entries are stored.
 * ret_took: count bytes, each a sum of the above. from_name and refused are not looked at. A
 * message with a room or seq below 1, without a kind, or with a target that is not below its seq is
 * ignored (ret_took 0). */
hum_result store_take(struct store *store, const hum_message *messages, size_t count,
                      uint8_t *ret_took);

/* As hum_messages. HUM_NOT_FOUND: no such room. limit is clamped to 1 … 1,000. */
hum_result store_messages(struct store *store, int64_t room, int64_t before, int32_t limit,
                          hum_on_message each, void *arg);

/* ---- Outbox ---- */

enum { STORE_NONCE_SIZE = 33 };

/* Makes a nonce and keeps the message. now: what sent_at shows until it is sent. HUM_WRONG_USE:
 * text empty, over HUM_TEXT_MAX bytes, not UTF-8 or over 4,000 characters; HUM_NOT_FOUND: no such
 * room; HUM_FULL. */
hum_result store_send(struct store *store, int64_t room, const char *text, int64_t reply_to,
                      int64_t now, char ret_nonce[STORE_NONCE_SIZE]);
/* place: its position in the outbox, ascending; topic: the room's; false ends the walk. */
typedef bool (*store_on_outgoing)(void *arg, int64_t place, const char *topic,
                                  const hum_message *message);
/* What waits to be sent (not what was refused), behind `after` (0: from the start), at most limit.
 */
hum_result store_outbox(struct store *store, int64_t after, int32_t limit, store_on_outgoing each,
                        void *arg);
/* The server will never take it: it stays, shown as refused. HUM_NOT_FOUND: nothing waits with that
 * nonce. */
hum_result store_refuse(struct store *store, const char *nonce, const char *code);
/* Of a refused one: it waits again, at the end of the outbox (same nonce). HUM_NOT_FOUND */
hum_result store_send_again(struct store *store, const char *nonce);
/* Of a refused one, only. HUM_NOT_FOUND */
hum_result store_forget(struct store *store, const char *nonce);

/* ---- Own read marks ---- */

/* Moves the mark up to seq (never down, never past what is known of the room) and keeps it to be
 * told. HUM_NOT_FOUND: no such room. */
hum_result store_read(struct store *store, int64_t room, int64_t seq);
typedef bool (*store_on_mark)(void *arg, int64_t room, const char *topic, int64_t seq);
/* Marks that wait to be told. */
hum_result store_marks(struct store *store, store_on_mark each, void *arg);
/* The server has it (its own word on {room}/read/{me}, or the answer to PUT): moves the mark here
 * too, and forgets one up to seq that waited. */
hum_result store_mark_told(struct store *store, int64_t room, int64_t seq);

#endif
