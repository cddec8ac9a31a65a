/* Mosquitto's hooks, all on the broker's thread: what it asks, and how it is answered. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <sodium.h>

#include "requests.h"

/* 16 MiB to one WebSocket client; and a bound to the rounds in vain where none of them reads. */
enum { ROUNDS_MAX = 4096 };

void plugin_log(bool error, const char *line) {
    mosquitto_log_printf(error ? MOSQ_LOG_ERR : MOSQ_LOG_NOTICE, "%s", line);
}

/* ---- CONNECT ---- */

/* A line a second at most: whoever knocks often does not fill the disk. */
static void log_refused(struct plugin *plugin, const struct mosquitto *handle, const char *reason) {
    int64_t now = seconds_now();
    const char *address = mosquitto_client_address(handle);

    number_refused(HUM_UNAUTHORIZED);
    if (now != plugin->refused_logged_at) {
        plugin->refused_logged_at = now;
        mosquitto_log_printf(MOSQ_LOG_NOTICE, "hum: a connection from %s is refused: %s",
                             address ? address : "?", reason);
    }
}

static bool is_waker(struct plugin *plugin, const struct mosquitto_evt_basic_auth *event) {
    const char *id = mosquitto_client_id(event->client);
    const char *secret = wake_secret(plugin->hub.wake);

    return id && strcmp(id, WAKE_NAME) == 0 && event->username &&
           strcmp(event->username, WAKE_NAME) == 0 && event->password &&
           strlen(event->password) == WAKE_SECRET_LEN &&
           sodium_memcmp(event->password, secret, WAKE_SECRET_LEN) == 0;
}

/* Takes a connection whose token is in order. */
static int admit(struct plugin *plugin, const struct mosquitto *handle,
                 const struct token_claims *claims) {
    int64_t now = seconds_now();
    struct user *user = clients_user(plugin->clients, claims->user, now);

    if (!user || (!user->set && plugin->link_down)) {
        /* Not MOSQ_ERR_AUTH: nothing is wrong with the token, the client is to try again. */
        log_refused(plugin, handle, "the user's rights cannot be loaded now");
        return MOSQ_ERR_UNKNOWN;
    }
    bool lives = access_session_lives(user->set, claims->session, now);
    if (user->set && !lives && !access_session_may_be_newer(user->set, claims->session)) {
        log_refused(plugin, handle, "the session has ended");
        return MOSQ_ERR_AUTH;
    }
    if (!lives) {
        plugin_ask_for_set(plugin, user);
    }
    if (clients_connect(plugin->clients, handle, mosquitto_client_id(handle), claims->user,
                        claims->session, claims->expires_at,
                        mosquitto_client_protocol(handle) == mp_websockets, now) != HUM_OK) {
        log_refused(plugin, handle, "the session has too many connections");
        return MOSQ_ERR_AUTH;
    }
    return MOSQ_ERR_SUCCESS;
}

static int on_basic_auth(int event_kind, void *event_data, void *userdata) {
    const struct mosquitto_evt_basic_auth *event = event_data;
    struct plugin *plugin = userdata;
    struct token_claims claims;
    const char *reason;

    (void)event_kind;
    if (is_waker(plugin, event)) {
        plugin->waker = event->client;
        return MOSQ_ERR_SUCCESS;
    }
    const struct client *known =
        plugin->reloading ? clients_find(plugin->clients, event->client) : NULL;
    if (known) {
        /* After SIGHUP: the token may have expired since, or been renewed; what is in memory
         * counts. */
        return client_doomed(known) ? MOSQ_ERR_AUTH : MOSQ_ERR_SUCCESS;
    }
    const struct authn_request request = {
        .client_id = mosquitto_client_id(event->client),
        .username = event->username,
        .password = event->password,
        .protocol_version = mosquitto_client_protocol_version(event->client),
        .clean = mosquitto_client_clean_session(event->client),
        .keepalive = mosquitto_client_keepalive(event->client),
    };
    if (authn_check(&plugin->keys, &request, seconds_now(), &claims, &reason) != HUM_OK) {
        log_refused(plugin, event->client, reason);
        return MOSQ_ERR_AUTH;
    }
    return admit(plugin, event->client, &claims);
}

/* Mosquitto tells the end of a connection before it asks about its will. */
static void remember_gone(struct plugin *plugin, const struct mosquitto *handle) {
    const struct client *client = clients_find(plugin->clients, handle);

    plugin->gone = NULL;
    if (client && !client_doomed(client) && !client_waits(client)) {
        plugin->gone = handle;
        plugin->gone_user = client_user(client)->id;
    }
}

static int on_disconnect(int event_kind, void *event_data, void *userdata) {
    const struct mosquitto_evt_disconnect *event = event_data;
    struct plugin *plugin = userdata;

    (void)event_kind;
    if (event->client == plugin->waker) {
        plugin->waker = NULL;
    }
    remember_gone(plugin, event->client);
    clients_disconnect(plugin->clients, event->client, seconds_now());
    return MOSQ_ERR_SUCCESS;
}

/* ---- SUBSCRIBE, deliveries, PUBLISH ---- */

static int check_subscribe(struct plugin *plugin, struct client *client, const char *filter) {
    struct topic topic;

    if (!topic_parse_filter(str_of(filter), &topic) || !plugin_set_loaded(plugin, client) ||
        authz_verdict(client_user(client)->set, AUTHZ_SUBSCRIBE, &topic) != HUM_OK ||
        client_subscribe(plugin->clients, client, filter, &topic) != HUM_OK) {
        number_refused(HUM_FORBIDDEN);
        return MOSQ_ERR_ACL_DENIED;
    }
    return MOSQ_ERR_SUCCESS;
}

static bool parse_read(struct plugin *plugin, const char *text) {
    size_t len = strnlen(text, TOPIC_MAX);

    if (len == TOPIC_MAX) {
        return false;
    }
    if (memcmp(plugin->read_topic, text, len + 1) != 0) {
        memcpy(plugin->read_topic, text, len + 1);
        plugin->read_known = topic_parse((struct str){text, len}, &plugin->read_parsed);
    }
    return plugin->read_known;
}

static int check_read(struct plugin *plugin, struct client *client, const char *text) {
    if (!parse_read(plugin, text) ||
        !client_may_read(plugin->clients, client, &plugin->read_parsed)) {
        return MOSQ_ERR_ACL_DENIED;
    }
    number_add(NUMBER_DELIVERIES, 1);
    return MOSQ_ERR_SUCCESS;
}

static int answer(enum request_verdict verdict) {
    switch (verdict) {
    case REQUEST_TAKE:
        return MOSQ_ERR_SUCCESS;
    case REQUEST_REFUSE:
        return MOSQ_ERR_ACL_DENIED;
    case REQUEST_CLOSE:
        break;
    }
    return MOSQ_ERR_UNKNOWN; /* any code but ACL_DENIED closes without an acknowledgement */
}

static struct publish publish_of(const struct mosquitto_evt_acl_check *event) {
    return (struct publish){
        .topic = event->topic,
        .payload = {event->payload, event->payloadlen},
        .qos = event->qos,
        .retain = event->retain,
    };
}

static int check_write(struct plugin *plugin, struct client *client,
                       const struct mosquitto_evt_acl_check *event) {
    const struct publish publish = publish_of(event);

    return answer(request_check(plugin, client, &publish));
}

static int check_will(struct plugin *plugin, const struct mosquitto_evt_acl_check *event) {
    const struct user *user = clients_find_user(plugin->clients, plugin->gone_user);
    const struct publish publish = publish_of(event);

    return user && request_allows_will(user, &publish) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
}

static int on_acl_check(int event_kind, void *event_data, void *userdata) {
    const struct mosquitto_evt_acl_check *event = event_data;
    struct plugin *plugin = userdata;
    struct client *client = clients_find(plugin->clients, event->client);

    (void)event_kind;
    if (!client && event->access == MOSQ_ACL_WRITE && event->client == plugin->gone) {
        return check_will(plugin, event);
    }
    /* Unknown pointers: the waking connection, and a made-up client of the broker's own. */
    if (!client || client_doomed(client)) {
        return MOSQ_ERR_ACL_DENIED;
    }
    switch (event->access) {
    case MOSQ_ACL_READ:
        return check_read(plugin, client, event->topic);
    case MOSQ_ACL_WRITE:
        return check_write(plugin, client, event);
    case MOSQ_ACL_SUBSCRIBE:
        return check_subscribe(plugin, client, event->topic);
    case MOSQ_ACL_UNSUBSCRIBE:
        client_unsubscribe(plugin->clients, client, event->topic);
        return MOSQ_ERR_SUCCESS;
    default:
        return MOSQ_ERR_ACL_DENIED;
    }
}

static int on_message(int event_kind, void *event_data, void *userdata) {
    const struct mosquitto_evt_message *event = event_data;
    struct plugin *plugin = userdata;
    struct client *client = clients_find(plugin->clients, event->client);
    const struct publish publish = {
        .topic = event->topic,
        .payload = {event->payload, event->payloadlen},
        .qos = event->qos,
        .retain = event->retain,
    };

    (void)event_kind;
    if (!client || client_doomed(client)) {
        return MOSQ_ERR_ACL_DENIED;
    }
    return answer(request_handle(plugin, client, &publish));
}

/* ---- TICK and SIGHUP ---- */

static void kick(const char *client_id) {
    (void)mosquitto_kick_client_by_clientid(client_id, false);
}

static void tell_presence(struct plugin *plugin) {
    int64_t user;
    bool online;

    while (clients_presence(plugin->clients, &user, &online)) {
        delivery_presence(user, online, milliseconds_now());
    }
}

static void sweep(struct plugin *plugin, int64_t now) {
    int64_t seen[SEEN_MAX];

    plugin->swept_at = now;
    clients_sweep(plugin->clients, now);
    size_t seen_count = clients_seen(plugin->clients, seen);
    if (seen_count > 0) {
        clerk_tell_seen(plugin->clerk, seen, seen_count);
    }
    number_set(NUMBER_CONNECTIONS, (int64_t)clients_count(plugin->clients));
    number_set(NUMBER_USERS, (int64_t)clients_users(plugin->clients));
}

static void tell_journal(struct plugin *plugin) {
    number_set(NUMBER_JOURNAL_BYTES, (int64_t)journal_backlog(plugin->journal));
    number_set(NUMBER_JOURNAL_BROKEN, journal_broken(plugin->journal));
    int64_t oldest = writer_oldest(plugin->writer);
    number_set(NUMBER_JOURNAL_AGE_MS, oldest ? milliseconds_now() - oldest : 0);
}

/* WebSocket clients are written to once a round of the loop, and each round would first wait for
 * sockets, up to 100 ms. So while something is on its way to them, the next one comes at once. */
static void hurry_websockets(struct plugin *plugin) {
    plugin->rounds += delivery_rounds();
    if (clients_websockets(plugin->clients) == 0) {
        plugin->rounds = 0;
    }
    if (plugin->rounds > ROUNDS_MAX) {
        plugin->rounds = ROUNDS_MAX;
    }
    if (plugin->rounds > 0) {
        plugin->rounds--;
        wake_again(plugin->hub.wake);
    }
}

/* Comes after each round of the broker's loop, at the latest every 100 ms. */
static int on_tick(int event_kind, void *event_data, void *userdata) {
    struct plugin *plugin = userdata;

    (void)event_kind;
    (void)event_data;
    plugin->reloading = false;
    plugin->gone = NULL;
    if (plugin_missed_reload()) {
        raise(SIGHUP);
    }
    if (mailbox_pending(&plugin->hub.box)) {
        plugin_drain(plugin);
    }
    requests_flush(plugin);
    tell_presence(plugin);
    tell_journal(plugin);
    int64_t now = seconds_now();
    if (now != plugin->swept_at) {
        sweep(plugin, now);
    }
    clients_kick_doomed(plugin->clients, kick);
    hurry_websockets(plugin);
    return MOSQ_ERR_SUCCESS;
}

/* SIGHUP. The broker authenticates every connection again, before the next TICK. */
static int on_reload(int event_kind, void *event_data, void *userdata) {
    struct plugin *plugin = userdata;

    (void)event_kind;
    (void)event_data;
    plugin->reloading = true;
    rekey_ask(plugin->rekey);
    return MOSQ_ERR_SUCCESS;
}

static const struct {
    int event;
    MOSQ_FUNC_generic_callback callback;
} hooks[] = {
    {MOSQ_EVT_RELOAD, on_reload},   {MOSQ_EVT_ACL_CHECK, on_acl_check},
    {MOSQ_EVT_TICK, on_tick},       {MOSQ_EVT_BASIC_AUTH, on_basic_auth},
    {MOSQ_EVT_MESSAGE, on_message}, {MOSQ_EVT_DISCONNECT, on_disconnect},
};

enum { HOOK_COUNT = sizeof hooks / sizeof hooks[0] };

bool hooks_register(struct plugin *plugin) {
    for (size_t i = 0; i < HOOK_COUNT; i++) {
        if (mosquitto_callback_register(plugin->id, hooks[i].event, hooks[i].callback, NULL,
                                        plugin) != MOSQ_ERR_SUCCESS) {
            return false;
        }
    }
    return true;
}

void hooks_unregister(struct plugin *plugin) {
    for (size_t i = 0; i < HOOK_COUNT; i++) {
        (void)mosquitto_callback_unregister(plugin->id, hooks[i].event, hooks[i].callback, NULL);
    }
}
