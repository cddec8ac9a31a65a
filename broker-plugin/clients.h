/* Who is connected, and whose rights are loaded. The broker's thread.
 *
 * A connection is known by the broker's pointer to it: a client id names two of them for a moment
 * while one takes the other over. */
#ifndef HUM_CLIENTS_H
#define HUM_CLIENTS_H

#include "access.h"
#include "limit.h"
#include "rooms.h"
#include "topic.h"

enum {
    SESSION_CONNECTIONS_MAX = 8,
    CONNECTION_FILTERS_MAX = 4000,
    SEEN_EVERY_S = 900,     /* from one word about a session that is connected to the next */
    SEEN_MAX = 500,         /* of these at once */
    IDLE_SETS_S = 600,      /* a set stays as long after the last disconnect */
    IDLE_SETS_MAX = 200000, /* users loaded without a connection; the longest idle go first */
};

struct clients;
struct client;

struct user {
    int64_t id;
    struct access_set *set; /* NULL: not loaded */
    bool loading;
    int syncs;          /* catch-ups that are under way */
    struct limit sends; /* what is left of the user's rates */
    struct limit requests;
};

/* rooms must outlive it. NULL: no memory. */
struct clients *clients_new(struct rooms *rooms);
void clients_free(struct clients *clients);

/* The user, known from now on (seconds since 1970). NULL: no memory. */
struct user *clients_user(struct clients *clients, int64_t id, int64_t now);
/* NULL: not known. */
struct user *clients_find_user(struct clients *clients, int64_t id);
/* Puts a set in place of the user's; takes it over. Connections whose sessions are not in it are
 * doomed, but for one that may be younger than the set: true, it is to be loaded once more. */
bool clients_install(struct clients *clients, struct access_set *set, int64_t now);
/* One right has changed. Without a loaded set nothing happens. */
void clients_change_right(struct clients *clients, int64_t user, const struct access_right *right);
/* A server or a channel is gone: nobody has a right in it any more. */
void clients_drop_room(struct clients *clients, int64_t room);
/* Two people have become friends, or no longer are. Without a loaded set nothing happens. */
void clients_change_friend(struct clients *clients, int64_t user, int64_t friend_id, bool friends);
/* A session has ended: its connections are doomed. */
void clients_end_session(struct clients *clients, int64_t user, int64_t session);
/* Users to load again, after the link to the database was lost: calls load for each with
 * connections, forgets the sets of the others. */
void clients_reload(struct clients *clients, bool (*load)(void *, int64_t user), void *arg);

/* A connection that may come in. HUM_OK; HUM_RATE_LIMITED: the session has too many; HUM_INTERNAL:
 * no memory. handle: the broker's pointer. */
HUM_MUSTCHECK enum hum_status clients_connect(struct clients *clients, const void *handle,
                                              const char *client_id, int64_t user, int64_t session,
                                              int64_t expires_at, bool websocket, int64_t now);
/* NULL: not one of ours. */
struct client *clients_find(struct clients *clients, const void *handle);
void clients_disconnect(struct clients *clients, const void *handle, int64_t now);

struct user *client_user(const struct client *client);
int64_t client_session(const struct client *client);
/* A new token: the connection lives until then (seconds since 1970). */
void client_renew(struct client *client, int64_t expires_at);
const char *client_id(const struct client *client);
bool client_websocket(const struct client *client);
/* From the moment it is doomed a connection may do nothing; it is closed at the next TICK. */
bool client_doomed(const struct client *client);
/* Until a set with its session is there a connection may do nothing. */
bool client_waits(const struct client *client);
void client_doom(struct clients *clients, struct client *client);

/* Whether a delivery on this concrete topic may go to it (authz_verdict). The last room that it may
 * read is remembered until any right anywhere changes: of a message to thousands, each recipient
 * then costs one look at its own record. */
bool client_may_read(const struct clients *clients, struct client *client,
                     const struct topic *topic);

/* A filter, with its text, was subscribed or unsubscribed. HUM_RATE_LIMITED: too many. */
HUM_MUSTCHECK enum hum_status client_subscribe(struct clients *clients, struct client *client,
                                               const char *text, const struct topic *filter);
void client_unsubscribe(struct clients *clients, struct client *client, const char *text);

/* The next user who has come online or gone offline since the last call. False: none. */
bool clients_presence(struct clients *clients, int64_t *ret_user, bool *ret_online);

/* Calls kick with the client id of each doomed connection, once each. */
void clients_kick_doomed(struct clients *clients, void (*kick)(const char *client_id));
/* The sessions that were connected at the last sweep and have not been told for SEEN_EVERY_S: at
 * most SEEN_MAX, the others later. */
size_t clients_seen(struct clients *clients, int64_t ret_sessions[SEEN_MAX]);
/* Once a second: dooms what has expired, forgets sets that have been idle for long. now: seconds
 * since 1970. */
void clients_sweep(struct clients *clients, int64_t now);
size_t clients_count(const struct clients *clients);
size_t clients_users(const struct clients *clients);
/* Connections over WebSocket. */
size_t clients_websockets(const struct clients *clients);

#endif
