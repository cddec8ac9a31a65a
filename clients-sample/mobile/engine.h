/* The engine: what runs on the library's own thread. This header is what its parts see of each
 * other; each part is a file:
 *
 *   engine.c   the loop, time, and what other threads ask for
 *   link.c     the connection: when it is tried, what is subscribed, how long it may be silent
 *   session.c  signing in and out, tokens, REST calls that need one
 *   lists.c    which rooms and friends there are
 *   intake.c   what comes: messages, read marks, presence, refusals
 *   sync.c     what was missed, and what is older
 *   outbox.c   what waits to be sent and told
 *
 * All of it: the library's thread only, but for what engine.c says.
 */
#ifndef HUM_MOBILE_ENGINE_H
#define HUM_MOBILE_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "keepalive.h"
#include "line.h"
#include "notes.h"
#include "resolve.h"
#include "rest.h"
#include "store.h"
#include "tls.h"
#include "wire.h"

enum {
    ENGINE_TAG_SIZE = 9,
    ENGINE_FIRST = 50,        /* messages of a room that a first sync brings */
    ENGINE_MISSED_MAX = 1000, /* of a room; past it, its history begins anew */
    ENGINE_FLIGHTS = 16,      /* messages under way at once */
    ENGINE_CALLS_MAX = 64,    /* of hum_call */
    ENGINE_ROOMS_MAX = 10000,
    ENGINE_FILTERS_MAX = 4000, /* the broker's bound for a connection */
    ENGINE_STRANGERS_MAX = 64, /* people whose nicknames are looked up by and by */
};

/* A moment that never comes, in clock_steady_ms. */
#define NEVER INT64_MAX

struct engine;
struct command;

/* A room, as far as it is known without asking the store. */
struct place {
    int64_t id;
    char *topic;
    char kind; /* d, s, c, i */
    bool behind, asked, older;
    int64_t cursor, top; /* of the sync under way: asked behind, and heard up to */
    int64_t mark;        /* one's own read mark that was told on this connection */
    int mark_packet;
    int64_t typed_at;
};

struct friend {
    int64_t id;
    bool online, seen; /* seen: on this connection */
};

enum sub_state { SUB_NEW, SUB_ASKED, SUB_GRANTED, SUB_REFUSED };

/* A subscription that is wanted. */
struct sub {
    char *filter;
    int64_t room; /* 0: one's own, or presence */
    bool own;     /* without it nothing works */
    enum sub_state state;
    int packet, index; /* the SUBSCRIBE that names it, and where */
    int tries;         /* that were refused; */
    int64_t at;        /* the next one */
};

struct flight {
    char nonce[WIRE_NONCE_MAX + 1];
    int64_t room, place, at;
    bool asked; /* over REST, since its own copy is late */
};

/* A REST call that needs a token. */
struct call;
typedef void (*call_done)(struct engine *engine, void *arg, const struct rest_answer *answer);

struct back_off {
    int attempt;
    int64_t at; /* NEVER: nothing to be tried */
};

struct engine {
    /* set once */
    struct store *store;
    struct rest *rest;
    struct tls *tls;
    struct notes *notes;
    char *device_name;
    char *url;
    pthread_t thread;

    /* from other threads */
    pthread_mutex_t lock;
    struct command *commands, **commands_end;
    int calls_waiting;
    atomic_bool stop;
    atomic_int line_now;
    _Atomic int64_t me, next_call;
    struct {
        _Atomic int64_t connects, bytes_in, bytes_out, rest_calls, resumed;
        atomic_int keepalive_s;
    } figures;

    /* session.c */
    store_session session; /* user 0: nobody */
    struct call *waiting;  /* for a token */
    bool refreshing;
    int64_t generation; /* of the session; a call of an older one is over */
    int farewells;      /* sign-outs that the server is being told of */
    struct back_off renewal;
    int64_t token_at; /* when the MQTT token is to be renewed, steady */
    int64_t renew_at; /* the same of the connection's own, by the wall clock */

    /* link.c */
    bool paused;
    struct resolve *resolve;
    size_t address;
    struct wire_address target;
    struct line *line;
    int64_t opened_at, up_at;    /* up_at 0: not up */
    int64_t bytes_in, bytes_out; /* of former connections */
    struct back_off connect;
    int flaps; /* connections in a row that caught up and did not last */
    char tag[ENGINE_TAG_SIZE];
    bool drop;          /* the connection is to end */
    bool let_in;        /* CONNACK has come in this turn */
    bool ready;         /* one's own filters are granted */
    bool caught;        /* what was missed has come */
    int64_t pinged_at;  /* 0: no ping is under way */
    int64_t ping_reads; /* line_reads at that moment */
    int64_t ping_patience;
    bool ping_again;    /* once this one is answered */
    bool ping_idle;     /* after a silent interval, not for other reasons */
    int64_t suspect_at; /* a silent connection was found dead; 0: none */
    struct keepalive keepalive;
    struct sub *subs;
    size_t subs_count;
    int64_t subs_at; /* refused ones are asked for again */

    /* lists.c */
    struct place *places;
    size_t places_count;
    struct friend *friends;
    size_t friends_count;
    bool listing, list_again, listed; /* listed: since hum_open */
    int64_t listed_at;
    struct back_off list;
    struct back_off doubt; /* the broker says other than the lists */
    json_t *pages;

    /* intake.c */
    struct wire_batch batch;
    int64_t noticed;                         /* the latest entry of the inbox that was looked at */
    int64_t strangers[ENGINE_STRANGERS_MAX]; /* whose nicknames are to be looked up */
    int64_t stranger_rooms[ENGINE_STRANGERS_MAX];
    size_t strangers_count;
    int64_t stranger_asked; /* 0: none */

    /* sync.c */
    bool syncing;
    bool sync_brought; /* something that was not known */
    int64_t sync_heard_at;
    struct back_off sync; /* after an answer that brought nothing, or none */
    int sync_packet;
    int64_t sync_total, sync_done;

    /* outbox.c */
    struct flight flights[ENGINE_FLIGHTS];
    size_t flights_count;
    bool outbox_due, marks_wanted;
    int64_t hold_until, marks_at;
    struct back_off hold; /* the server has trouble */
    char poison[WIRE_NONCE_MAX + 1];
    int poisoned; /* how often it had trouble with that one */
    int64_t budget, budget_at;
};

/* ---- engine.c ---- */

/* Any thread. NULL: no memory, or a wrong url or CA file, or a store of another server
 * (*ret_result). */
struct engine *engine_new(const hum_config *config, struct store *store, hum_result *ret_result);
bool engine_start(struct engine *engine);
/* Any thread but the engine's. Ends the thread and frees all but the store. */
void engine_end(struct engine *engine);

/* What other threads ask for; texts are copied. */
struct command {
    struct command *next;
    void (*run)(struct engine *engine, const struct command *command);
    int64_t number, room; /* of a call */
    char *texts[3];
};
/* Any thread. False: no memory. */
bool engine_ask(struct engine *engine, const struct command *command);
/* The same for a call, of which ENGINE_CALLS_MAX may be on their way. */
bool engine_ask_call(struct engine *engine, const struct command *command);

void engine_tell(struct engine *engine, const hum_event *event);
/* The soonest of the moments is what the loop waits for. */
void back_off_clear(struct back_off *back_off);
/* Sets the next attempt: 1 s, doubled up to 5 min, half of it by chance. */
void back_off_next(struct back_off *back_off, int64_t now);

/* ---- link.c ---- */

void link_init(struct engine *engine);
void link_run(struct engine *engine, int64_t now, unsigned ready);
int64_t link_due(const struct engine *engine);
/* Connects at once, if one may. */
void link_wanted(struct engine *engine);
/* There are new tokens. */
void link_renewed(struct engine *engine);
/* Ends the connection at the end of this turn; it is tried again later. */
void link_lost(struct engine *engine);
/* Ends it now; not from a function of the line. */
void link_close(struct engine *engine);
void link_pause(struct engine *engine);
void link_resume(struct engine *engine);
/* Whether one may send: connected and caught up. */
bool link_up(const struct engine *engine);
/* Makes the subscriptions fit the rooms and friends. */
void link_filters(struct engine *engine);
/* Whether what is said in a room reaches us, or never will on this connection. */
bool link_hears(const struct engine *engine, int64_t room);
/* What was missed has been asked for, and has come. */
void link_caught_up(struct engine *engine);
void link_state(struct engine *engine, hum_line line);

/* ---- session.c ---- */

/* False: the store is of another server. */
bool session_load(struct engine *engine);
bool session_lives(const struct engine *engine);
/* done is called once, also with status 0: no answer, or the session ended. False: no memory. */
bool session_call(struct engine *engine, const struct rest_request *request, call_done done,
                  void *arg);
/* A connection begins with the MQTT token that there is. */
void session_plan(struct engine *engine);
/* Renews the tokens, for the sake of MQTT. */
void session_renew(struct engine *engine);
/* Has the server ended it? Renews the tokens to find out. */
void session_judge(struct engine *engine);
void session_over(struct engine *engine, const char *code);
int64_t session_due(const struct engine *engine);
void session_run(struct engine *engine, int64_t now);
void session_free(struct engine *engine);

void session_sign_up(struct engine *engine, const struct command *command);
void session_sign_in(struct engine *engine, const struct command *command);
void session_sign_out(struct engine *engine, const struct command *command);
void session_user_call(struct engine *engine, const struct command *command);

/* ---- lists.c ---- */

void lists_load(struct engine *engine);
/* They have to be asked for (again). */
void lists_wanted(struct engine *engine);
/* The same, not too often: the broker does not let us hear a room that is listed. */
void lists_doubted(struct engine *engine);
/* A connection has come up. */
void lists_connected(struct engine *engine, int64_t now);
int64_t lists_due(const struct engine *engine);
void lists_run(struct engine *engine, int64_t now);
void lists_free(struct engine *engine);
/* Whether they are known, or at least those of another day are, and REST does not answer. */
bool lists_settled(const struct engine *engine);
struct place *lists_place(struct engine *engine, int64_t room); /* NULL: not known */
struct friend *lists_friend(struct engine *engine, int64_t user);

/* ---- intake.c ---- */

void intake_message(struct engine *engine, const char *topic, const char *payload, size_t length);
/* Gives the store what has come since. False: it cannot take it, and the connection ends. */
bool intake_flush(struct engine *engine);
void intake_strangers(struct engine *engine);
void intake_presence_settled(struct engine *engine);

/* ---- sync.c ---- */

void sync_start(struct engine *engine);
void sync_run(struct engine *engine, int64_t now);
int64_t sync_due(const struct engine *engine);
void sync_piece(struct engine *engine, json_t *piece);
/* There will be no answer. */
void sync_failed(struct engine *engine);
void sync_acknowledged(struct engine *engine, int packet, int code);
void sync_stop(struct engine *engine);
void sync_older(struct engine *engine, const struct command *command);

/* ---- outbox.c ---- */

void outbox_run(struct engine *engine, int64_t now);
int64_t outbox_due(const struct engine *engine);
void outbox_stop(struct engine *engine);
void outbox_sent(struct engine *engine, const hum_message *message);
void outbox_refused(struct engine *engine, const struct wire_refusal *refusal);
void outbox_acknowledged(struct engine *engine, int packet, int code);
void outbox_typing(struct engine *engine, const struct command *command);
void outbox_written(struct engine *engine, const struct command *command);
void outbox_read(struct engine *engine, const struct command *command);

#endif
