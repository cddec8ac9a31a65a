#include "clients.h"

#include <stdlib.h>
#define HASH_NONFATAL_OOM 1 /* an insertion without memory leaves the element out */
#include <uthash.h>
#include <utlist.h>

#include "authz.h"
#include "crowds.h"

/* A subscription. The text tells apart filters that cover the same: each is unsubscribed by itself.
 */
struct filter {
    int64_t id;
    uint64_t text_hash;
    bool covers_messages;
    bool wide; /* everything of a server: its channels, too */
};

struct client {
    struct person *person;
    int64_t session;
    int64_t expires_at;
    int64_t seen_at; /* when it was told that the session is connected; 0: not yet */
    char *id;
    struct filter *filters;
    uint32_t filter_count, filter_cap;
    bool kicked;
    bool websocket;
    bool retried;  /* one set without it has come, and may have been too old */
    bool replaced; /* another connection has its client id now: kicking by id would hit that one */
    struct client *prev, *next;               /* of its person */
    struct client *doomed_prev, *doomed_next; /* of those to be kicked */
    UT_hash_handle hh;
    /* What a delivery looks at lies together: with a thousand recipients each line of the
     * processor's cache counts. */
    const void *handle;
    int64_t read_room, read_server; /* the last room that it was found to have a right to read */
    uint32_t read_epoch;            /* at that time; 0: none was */
    enum topic_scope read_scope;
    bool doomed, waits; /* waits: for a set that holds its session */
};

struct person {
    struct user user;
    struct client *connections;
    int64_t idle_since;
    bool idle;    /* in the list */
    bool online;  /* as last told */
    bool changed; /* in the list of those whose presence is to be looked at */
    struct person *prev, *next;
    struct person *changed_prev, *changed_next;
    UT_hash_handle hh;
};

struct clients {
    struct rooms *rooms;
    struct crowds *crowds;
    struct client *table;
    struct person *people;
    struct person *idle; /* longest first */
    size_t idle_count;
    size_t websockets;
    struct person *changed;
    struct client *doomed;
    size_t seen_count;
    int64_t seen[SEEN_MAX]; /* sessions, for clients_seen */
    uint32_t epoch;         /* of all rights in rooms: another with each change; never 0 */
};

struct clients *clients_new(struct rooms *rooms) {
    struct clients *clients = calloc(1, sizeof *clients);

    if (!clients || !(clients->crowds = crowds_new())) {
        free(clients);
        return NULL;
    }
    clients->rooms = rooms;
    clients->epoch = 1;
    return clients;
}

/* What was remembered of anybody's rights counts no more. */
static void forget_verdicts(struct clients *clients) {
    if (++clients->epoch == 0) {
        clients->epoch = 1;
    }
}

static struct person *person_of(struct user *user) { return (struct person *)user; }

static struct person *find_person(const struct clients *clients, int64_t id) {
    struct person *person;

    HASH_FIND(hh, clients->people, &id, sizeof id, person);
    return person;
}

static void set_idle(struct clients *clients, struct person *person, int64_t now) {
    person->idle = true;
    person->idle_since = now;
    DL_APPEND(clients->idle, person);
    clients->idle_count++;
}

static void unset_idle(struct clients *clients, struct person *person) {
    if (person->idle) {
        DL_DELETE(clients->idle, person);
        clients->idle_count--;
        person->idle = false;
    }
}

/* A set that has a right in the room holds it. */
static bool hold_room(struct clients *clients, struct access_set *set,
                      const struct access_right *right) {
    if (!rooms_hold(clients->rooms, right->room, (enum room_kind)right->kind, right->server,
                    right->last_seq)) {
        return false;
    }
    if (!crowds_join(clients->crowds, set, right->room)) {
        rooms_release(clients->rooms, right->room);
        return false;
    }
    return true;
}

static void release_room(struct clients *clients, const struct access_set *set, int64_t room) {
    crowds_leave(clients->crowds, set, room);
    rooms_release(clients->rooms, room);
}

static void release_rooms(struct clients *clients, const struct access_set *set) {
    for (size_t i = 0; set && i < set->right_count; i++) {
        release_room(clients, set, set->rights[i].room);
    }
}

static void look_at_presence(struct clients *clients, struct person *person) {
    if (!person->changed) {
        person->changed = true;
        DL_APPEND2(clients->changed, person, changed_prev, changed_next);
    }
}

static void forget_person(struct clients *clients, struct person *person) {
    unset_idle(clients, person);
    if (person->changed) {
        DL_DELETE2(clients->changed, person, changed_prev, changed_next);
    }
    release_rooms(clients, person->user.set);
    access_set_free(person->user.set);
    HASH_DEL(clients->people, person);
    free(person);
}

struct user *clients_find_user(struct clients *clients, int64_t id) {
    struct person *person = find_person(clients, id);

    return person ? &person->user : NULL;
}

struct user *clients_user(struct clients *clients, int64_t id, int64_t now) {
    struct person *person = find_person(clients, id);

    if (person) {
        return &person->user;
    }
    person = calloc(1, sizeof *person);
    if (!person) {
        return NULL;
    }
    person->user.id = id;
    HASH_ADD(hh, clients->people, user.id, sizeof person->user.id, person);
    if (!person->hh.tbl) {
        free(person);
        return NULL;
    }
    set_idle(clients, person, now);
    return &person->user;
}

bool client_waits(const struct client *client) { return client->waits; }

void client_doom(struct clients *clients, struct client *client) {
    if (!client->doomed) {
        client->doomed = true;
        DL_APPEND2(clients->doomed, client, doomed_prev, doomed_next);
    }
}

static bool hold_rooms(struct clients *clients, struct access_set *set) {
    for (size_t i = 0; i < set->right_count; i++) {
        if (!hold_room(clients, set, &set->rights[i])) {
            while (i-- > 0) {
                release_room(clients, set, set->rights[i].room);
            }
            return false;
        }
    }
    return true;
}

/* True: the set is to be loaded once more for this connection. */
static bool judge(struct clients *clients, struct client *client, const struct access_set *set,
                  int64_t now) {
    if (access_session_lives(set, client->session, now)) {
        client->waits = false;
        look_at_presence(clients, client->person);
        return false;
    }
    if (client->waits && !client->retried && access_session_may_be_newer(set, client->session)) {
        client->retried = true;
        return true;
    }
    client_doom(clients, client);
    return false;
}

static bool judge_all(struct clients *clients, struct person *person, int64_t now) {
    struct client *client;
    bool again = false;

    DL_FOREACH(person->connections, client) {
        again = judge(clients, client, person->user.set, now) || again;
    }
    return again;
}

bool clients_install(struct clients *clients, struct access_set *set, int64_t now) {
    struct user *user = clients_user(clients, set->user, now);

    if (!user) {
        access_set_free(set);
        return false;
    }
    struct person *person = person_of(user);
    user->loading = false;
    forget_verdicts(clients);
    if (!hold_rooms(clients, set)) {
        access_set_free(set);
        return false;
    }
    /* The new set's rooms are held before the old one's are released: what is in both stays known.
     */
    release_rooms(clients, user->set);
    access_set_free(user->set);
    user->set = set;
    if (person->idle) {
        unset_idle(clients, person);
        set_idle(clients, person, now);
    }
    return judge_all(clients, person, now);
}

/* Without memory they do not get it. */
static void give_right(struct clients *clients, struct access_set *set,
                       const struct access_right *right) {
    bool had = access_find(set, right->room) != NULL;

    if (access_set_right(set, right) == HUM_OK && !had && !hold_room(clients, set, right)) {
        access_set_drop_right(set, right->room);
    }
}

static void take_right(struct clients *clients, struct access_set *set, int64_t room) {
    if (access_find(set, room)) {
        release_room(clients, set, room);
        access_set_drop_right(set, room);
    }
}

void clients_change_right(struct clients *clients, int64_t user, const struct access_right *right) {
    struct person *person = find_person(clients, user);

    if (!person || !person->user.set) {
        return;
    }
    forget_verdicts(clients);
    if (right->rights != 0) {
        give_right(clients, person->user.set, right);
    } else {
        take_right(clients, person->user.set, right->room);
    }
}

void clients_drop_room(struct clients *clients, int64_t room) {
    struct access_set *set;

    forget_verdicts(clients);
    while ((set = crowds_take(clients->crowds, room))) {
        take_right(clients, set, room);
    }
}

void clients_change_friend(struct clients *clients, int64_t user, int64_t friend_id, bool friends) {
    struct person *person = find_person(clients, user);

    if (person && person->user.set) {
        if (!friends) {
            access_set_drop_friend(person->user.set, friend_id);
        } else if (access_set_friend(person->user.set, friend_id) != HUM_OK) {
            return; /* no memory: they do not see each other's presence until the next load */
        }
    }
}

void clients_end_session(struct clients *clients, int64_t user, int64_t session) {
    struct person *person = find_person(clients, user);
    struct client *client;

    if (!person) {
        return;
    }
    if (person->user.set) {
        access_set_drop_session(person->user.set, session);
    }
    DL_FOREACH(person->connections, client) {
        if (client->session == session) {
            client_doom(clients, client);
        }
    }
}

void clients_reload(struct clients *clients, bool (*load)(void *, int64_t user), void *arg) {
    struct person *person, *next;

    HASH_ITER(hh, clients->people, person, next) {
        if (!person->connections && !person->user.loading && !person->online) {
            forget_person(clients, person);
        } else if (!person->user.loading) {
            person->user.loading = load(arg, person->user.id);
        }
    }
}

struct client *clients_find(struct clients *clients, const void *handle) {
    struct client *client;

    HASH_FIND_PTR(clients->table, &handle, client);
    return client;
}

bool client_may_read(const struct clients *clients, struct client *client,
                     const struct topic *topic) {
    if (client->waits || client->doomed) {
        return false;
    }
    if (client->read_room == topic->id && client->read_epoch == clients->epoch &&
        client->read_scope == topic->scope && client->read_server == topic->server &&
        !topic_is_request(topic->verb)) {
        return true;
    }
    if (authz_verdict(client->person->user.set, AUTHZ_READ, topic) != HUM_OK) {
        return false;
    }
    /* Of a user, each topic has rules of its own. */
    if (topic->scope != TOPIC_USER) {
        client->read_room = topic->id;
        client->read_server = topic->server;
        client->read_scope = topic->scope;
        client->read_epoch = clients->epoch;
    }
    return true;
}

/* Marks the connections of this client id as replaced, and counts the session's others. */
static size_t count_others(struct person *person, const char *id, int64_t session) {
    struct client *client;
    size_t others = 0;

    DL_FOREACH(person->connections, client) {
        others += client->session == session && !client->doomed && !client->replaced &&
                  strcmp(client->id, id) != 0;
    }
    return others;
}

static void mark_replaced(struct person *person, const char *id) {
    struct client *client;

    DL_FOREACH(person->connections, client) {
        if (strcmp(client->id, id) == 0) {
            client->replaced = true;
        }
    }
}

static struct client *client_new(const void *handle, const char *id) {
    struct client *client = calloc(1, sizeof *client);

    if (client) {
        client->handle = handle;
        client->id = strdup(id);
        if (!client->id) {
            free(client);
            return NULL;
        }
    }
    return client;
}

static void client_free(struct client *client) {
    free(client->filters);
    free(client->id);
    free(client);
}

enum hum_status clients_connect(struct clients *clients, const void *handle, const char *id,
                                int64_t user, int64_t session, int64_t expires_at, bool websocket,
                                int64_t now) {
    /* A pointer that is still known: its connection went without a DISCONNECT. */
    clients_disconnect(clients, handle, now);
    struct user *known = clients_user(clients, user, now);
    if (!known) {
        return HUM_INTERNAL;
    }
    struct person *person = person_of(known);
    if (count_others(person, id, session) >= SESSION_CONNECTIONS_MAX) {
        return HUM_RATE_LIMITED;
    }
    struct client *client = client_new(handle, id);
    if (!client) {
        return HUM_INTERNAL;
    }
    HASH_ADD_PTR(clients->table, handle, client);
    if (!client->hh.tbl) {
        client_free(client);
        return HUM_INTERNAL;
    }
    client->person = person;
    client->session = session;
    client->expires_at = expires_at;
    client->websocket = websocket;
    clients->websockets += websocket;
    client->waits = !access_session_lives(known->set, session, 0);
    mark_replaced(person, id);
    unset_idle(clients, person);
    DL_APPEND(person->connections, client);
    look_at_presence(clients, person);
    return HUM_OK;
}

static void listen_to(struct clients *clients, const struct filter *filter) {
    if (filter->covers_messages) {
        rooms_listen(clients->rooms, filter->id);
    }
    if (filter->wide) {
        rooms_listen_wide(clients->rooms, filter->id);
    }
}

static void unlisten_to(struct clients *clients, const struct filter *filter) {
    if (filter->covers_messages) {
        rooms_unlisten(clients->rooms, filter->id);
    }
    if (filter->wide) {
        rooms_unlisten_wide(clients->rooms, filter->id);
    }
}

void clients_disconnect(struct clients *clients, const void *handle, int64_t now) {
    struct client *client = clients_find(clients, handle);

    if (!client) {
        return;
    }
    struct person *person = client->person;
    for (uint32_t i = 0; i < client->filter_count; i++) {
        unlisten_to(clients, &client->filters[i]);
    }
    if (client->doomed && !client->kicked) {
        DL_DELETE2(clients->doomed, client, doomed_prev, doomed_next);
    }
    clients->websockets -= client->websocket;
    DL_DELETE(person->connections, client);
    HASH_DEL(clients->table, client);
    client_free(client);
    look_at_presence(clients, person);
    if (!person->connections) {
        set_idle(clients, person, now);
    }
}

struct user *client_user(const struct client *client) {
    return &client->person->user;
}

int64_t client_session(const struct client *client) { return client->session; }

const char *client_id(const struct client *client) { return client->id; }

bool client_websocket(const struct client *client) { return client->websocket; }

bool client_doomed(const struct client *client) { return client->doomed; }

void client_renew(struct client *client, int64_t expires_at) { client->expires_at = expires_at; }

/* FNV-1a. Two filters of one connection that collide are one: their sender's own loss. */
static uint64_t hash_of(const char *text) {
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    }
    return hash;
}

/* Whether messages of the filter's room come through it. */
static bool covers_messages(const struct topic *filter) {
    return filter->verb == TOPIC_MESSAGES || filter->verb == TOPIC_INBOX ||
           filter->verb == TOPIC_ALL;
}

static struct filter *find_filter(struct client *client, const char *text) {
    uint64_t hash = hash_of(text);

    for (uint32_t i = 0; i < client->filter_count; i++) {
        if (client->filters[i].text_hash == hash) {
            return &client->filters[i];
        }
    }
    return NULL;
}

static bool grow_filters(struct client *client) {
    uint32_t cap = client->filter_cap ? client->filter_cap * 2 : 2;
    struct filter *filters = realloc(client->filters, cap * sizeof *filters);

    if (filters) {
        client->filters = filters;
        client->filter_cap = cap;
    }
    return filters != NULL;
}

enum hum_status client_subscribe(struct clients *clients, struct client *client, const char *text,
                                 const struct topic *filter) {
    if (find_filter(client, text)) {
        return HUM_OK;
    }
    if (client->filter_count == CONNECTION_FILTERS_MAX) {
        return HUM_RATE_LIMITED;
    }
    if (client->filter_count == client->filter_cap && !grow_filters(client)) {
        return HUM_INTERNAL;
    }
    struct filter *added = &client->filters[client->filter_count++];
    *added = (struct filter){filter->id, hash_of(text), covers_messages(filter),
                             filter->scope == TOPIC_SERVER && filter->verb == TOPIC_ALL};
    listen_to(clients, added);
    return HUM_OK;
}

void client_unsubscribe(struct clients *clients, struct client *client, const char *text) {
    struct filter *known = find_filter(client, text);

    if (known) {
        unlisten_to(clients, known);
        *known = client->filters[--client->filter_count];
    }
}

static bool is_online(const struct person *person) {
    const struct client *client;

    DL_FOREACH(person->connections, client) {
        if (!client->waits && !client->doomed) {
            return true;
        }
    }
    return false;
}

bool clients_presence(struct clients *clients, int64_t *ret_user, bool *ret_online) {
    while (clients->changed) {
        struct person *person = clients->changed;
        bool online = is_online(person);

        DL_DELETE2(clients->changed, person, changed_prev, changed_next);
        person->changed = false;
        if (online != person->online) {
            person->online = online;
            *ret_user = person->user.id;
            *ret_online = online;
            return true;
        }
    }
    return false;
}

void clients_kick_doomed(struct clients *clients, void (*kick)(const char *client_id)) {
    while (clients->doomed) {
        struct client *client = clients->doomed;
        /* The broker calls back with the disconnect, which frees the client: the id must outlive
         * it. */
        char *id = client->replaced ? NULL : strdup(client->id);

        if (!id && !client->replaced) {
            return; /* no memory: at the next TICK */
        }
        DL_DELETE2(clients->doomed, client, doomed_prev, doomed_next);
        client->kicked = true;
        if (id) {
            kick(id);
            free(id);
        }
    }
}

/* What waits or is doomed may be nobody's session. */
static void note_seen(struct clients *clients, struct client *client, int64_t now) {
    if (now - client->seen_at >= SEEN_EVERY_S && !client->waits && !client->doomed &&
        clients->seen_count < SEEN_MAX) {
        client->seen_at = now;
        clients->seen[clients->seen_count++] = client->session;
    }
}

size_t clients_seen(struct clients *clients, int64_t ret_sessions[SEEN_MAX]) {
    size_t count = clients->seen_count;

    memcpy(ret_sessions, clients->seen, count * sizeof clients->seen[0]);
    clients->seen_count = 0;
    return count;
}

void clients_sweep(struct clients *clients, int64_t now) {
    struct client *client, *next;

    HASH_ITER(hh, clients->table, client, next) {
        if (client->expires_at <= now) {
            client_doom(clients, client);
        }
        note_seen(clients, client, now);
    }
    while (clients->idle &&
           (clients->idle_count > IDLE_SETS_MAX || clients->idle->idle_since + IDLE_SETS_S < now)) {
        forget_person(clients, clients->idle);
    }
}

size_t clients_count(const struct clients *clients) { return HASH_COUNT(clients->table); }

size_t clients_users(const struct clients *clients) { return HASH_COUNT(clients->people); }

void clients_free(struct clients *clients) {
    struct client *client, *next_client;
    struct person *person, *next_person;

    if (!clients) {
        return;
    }
    HASH_ITER(hh, clients->table, client, next_client) {
        clients_disconnect(clients, client->handle, 0);
    }
    HASH_ITER(hh, clients->people, person, next_person) { forget_person(clients, person); }
    crowds_free(clients->crowds);
    free(clients);
}

size_t clients_websockets(const struct clients *clients) { return clients->websockets; }
