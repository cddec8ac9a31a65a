/* The plugin's parts, tied together. The broker's thread, but for what the parts say of their own.
 */
#ifndef HUM_PLUGIN_H
#define HUM_PLUGIN_H

#include "authn.h"
#include "authz.h"
#include "budget.h"
#include "clerk.h"
#include "clients.h"
#include "delivery.h"
#include "journal.h"
#include "marks.h"
#include "numbers.h"
#include "options.h"
#include "rekey.h"
#include "writer.h"

enum option_id {
    DATABASE_URL,
    DATABASE_USER,
    DATABASE_PASSWORD_FILE,
    KEYS_DIR,
    WAKE_SOCKET,
    JOURNAL_DIR,
    JOURNAL_BYTES,
    LIMITS,
    METRICS_ADDRESS,
    METRICS_PORT,
    OPTION_COUNT,
};

struct plugin {
    void *id; /* the broker's name for us */
    struct option_value options[OPTION_COUNT];
    struct pg_config writer_config, listener_config, clerk_config;
    struct keys keys;
    struct rekey *rekey;
    struct hub hub;
    struct rooms *rooms;
    struct clients *clients;
    struct marks *marks;
    struct journal *journal;
    struct writer *writer;
    struct listener *listener;
    struct clerk *clerk;
    struct numbers_port *numbers;
    struct delivery delivery;
    struct budget budget;
    bool limits;        /* rates are limited */
    bool marks_written; /* a list of marks is with the clerk */
    const void *waker;  /* the broker's pointer to our own connection */
    /* The connection that ended last, until the next TICK: its will comes after its end. */
    const void *gone;
    int64_t gone_user;
    bool link_down; /* the database is known to be away */
    bool reloading; /* SIGHUP: the broker asks again about connections that it has */
    size_t rounds;  /* of the broker's loop that are to come at once */
    int64_t swept_at;
    int64_t refused_logged_at;
    /* The last topic read: a message that goes to many is asked about once a recipient. */
    char read_topic[TOPIC_MAX];
    struct topic read_parsed;
    bool read_known;
};

/* True once after a SIGHUP that came before the broker could heed it. */
bool plugin_missed_reload(void);
/* Takes keys over, for all who come from now on; keys is wiped. */
void plugin_take_keys(struct plugin *plugin, struct keys *keys);
/* Takes what the other threads have posted. */
void plugin_drain(struct plugin *plugin);
/* Waits, within the budget, until rights are loaded with which the client may act. False: they are
 * not, and the connection is to go. */
bool plugin_set_loaded(struct plugin *plugin, struct client *client);
/* Asks for the user's rights, unless that is under way. */
void plugin_ask_for_set(struct plugin *plugin, struct user *user);

/* Writes a line to the broker's log. */
void plugin_log(bool error, const char *line);

int64_t seconds_now(void);      /* since 1970 */
int64_t milliseconds_now(void); /* since 1970 */
int64_t steady_ms(void);        /* of a clock that never steps */

/* Registers our hooks with the broker; false: it does not take one. */
bool hooks_register(struct plugin *plugin);
void hooks_unregister(struct plugin *plugin);

#endif
