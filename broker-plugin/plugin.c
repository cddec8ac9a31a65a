/* The plugin as Mosquitto sees it: options, hooks, and the wiring of the parts. Everything here but
 * what the parts' own threads do runs on the broker's thread. */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

#include "authn.h"
#include "authz.h"
#include "budget.h"
#include "clients.h"
#include "delivery.h"
#include "options.h"
#include "writer.h"

enum option_id {
    DATABASE_URL,
    DATABASE_USER,
    DATABASE_PASSWORD_FILE,
    KEYS_DIR,
    WAKE_SOCKET,
    JOURNAL_DIR,
    JOURNAL_BYTES,
    OPTION_COUNT,
};

static const struct option options_table[OPTION_COUNT] = {
    [DATABASE_URL] = {"database_url", OPTION_TEXT, NULL, "PostgreSQL, as a URI or conninfo", 0, 0},
    [DATABASE_USER] = {"database_user", OPTION_TEXT, "", "role, instead of the URL's", 0, 0},
    [DATABASE_PASSWORD_FILE] = {"database_password_file", OPTION_TEXT, "", "file of one line", 0,
                                0},
    [KEYS_DIR] = {"keys_dir", OPTION_TEXT, NULL, "folder of the key folders", 0, 0},
    [WAKE_SOCKET] = {"wake_socket", OPTION_TEXT, NULL, "the broker's unix-socket listener", 0, 0},
    [JOURNAL_DIR] = {"journal_dir", OPTION_TEXT, NULL, "folder of the journal", 0, 0},
    [JOURNAL_BYTES] = {"journal_bytes", OPTION_NUMBER, "268435456",
                       "bytes of messages that are taken and not yet committed", 512 * 1024,
                       (int64_t)1 << 40},
};

struct plugin {
    mosquitto_plugin_id_t *id;
    struct option_value options[OPTION_COUNT];
    struct pg_config writer_config, listener_config;
    struct keys keys;
    struct hub hub;
    struct rooms *rooms;
    struct clients *clients;
    struct journal *journal;
    struct writer *writer;
    struct listener *listener;
    struct delivery delivery;
    struct budget budget;
    const void *waker; /* the broker's pointer to our own connection */
    bool link_down;    /* the database is known to be away */
    bool reloading;    /* SIGHUP: the broker asks again about connections that it has */
    int64_t swept_at;
    int64_t refused_logged_at;
    /* The last topic read: a message that goes to many is asked about once a recipient. */
    char read_topic[TOPIC_MAX];
    struct topic read_parsed;
    bool read_known;
};

static int64_t seconds_now(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

static int64_t milliseconds_now(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t steady_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- Items from the other threads ---- */

static bool load_user(void *arg, int64_t user) {
    struct plugin *plugin = arg;

    return listener_load(plugin->listener, user);
}

static void ask_for_set(struct plugin *plugin, struct user *user) {
    if (!user->loading) {
        user->loading = listener_load(plugin->listener, user->id);
    }
}

/* After a lost link everything that is cached may be old. */
static void link_changed(struct plugin *plugin, bool up) {
    plugin->link_down = !up;
    mosquitto_log_printf(MOSQ_LOG_NOTICE, "hum: the link to PostgreSQL is %s", up ? "up" : "down");
    if (up) {
        clients_reload(plugin->clients, load_user, plugin);
        delivery_check(&plugin->delivery);
    }
}

static void handle_set(struct plugin *plugin, struct set_item *item) {
    int64_t id = item->set->user;
    bool again = clients_install(plugin->clients, item->set, seconds_now());
    struct user *user = clients_find_user(plugin->clients, id);

    item->set = NULL;
    if (again && user) {
        ask_for_set(plugin, user);
    }
    budget_renew(&plugin->budget);
}

static void handle(struct plugin *plugin, struct item *item) {
    const struct head_item *head = (const struct head_item *)item;
    const struct error_item *error = (const struct error_item *)item;
    const struct right_item *right = (const struct right_item *)item;
    const struct session_item *session = (const struct session_item *)item;
    const struct log_item *log = (const struct log_item *)item;

    switch (item->kind) {
    case ITEM_BATCH:
        delivery_batch(&plugin->delivery, (const struct batch_item *)item);
        break;
    case ITEM_PAGE:
        delivery_page(&plugin->delivery, (const struct batch_item *)item);
        break;
    case ITEM_HEAD:
        delivery_head(&plugin->delivery, head->room, head->seq);
        break;
    case ITEM_ERROR:
        delivery_error(error->user, error->room, error->nonce, error->status, error->detail);
        break;
    case ITEM_SET:
        handle_set(plugin, (struct set_item *)item);
        break;
    case ITEM_RIGHT:
        clients_change_right(plugin->clients, right->user, &right->right);
        break;
    case ITEM_SESSION_END:
        clients_end_session(plugin->clients, session->user, session->session);
        break;
    case ITEM_LINK:
        link_changed(plugin, ((const struct link_item *)item)->up);
        break;
    case ITEM_LOG:
        mosquitto_log_printf(log->error ? MOSQ_LOG_ERR : MOSQ_LOG_NOTICE, "%s", log->line);
        break;
    }
    item_free(item);
}

static void drain(struct plugin *plugin) {
    struct mail *mail = mailbox_take(&plugin->hub.box);

    while (mail) {
        struct mail *next = mail->next;

        handle(plugin, (struct item *)mail);
        mail = next;
    }
}

/* ---- Rights that are not there yet ---- */

/* Waits, within the budget, until rights are loaded with which the client may act. False: they are
 * not, and the connection is to go. */
static bool set_loaded(struct plugin *plugin, struct client *client) {
    int64_t start = steady_ms(), now = start;

    if (!client_waits(client)) {
        return true;
    }
    ask_for_set(plugin, client_user(client));
    int64_t allowed = plugin->link_down ? 0 : budget_allows(&plugin->budget, start);
    while (client_waits(client) && !client_doomed(client) && now - start < allowed) {
        mailbox_wait(&plugin->hub.box, (int)(allowed - (now - start)));
        drain(plugin);
        now = steady_ms();
    }
    if (allowed > 0) {
        budget_spend(&plugin->budget, now - start, !client_waits(client) || client_doomed(client));
    }
    if (client_waits(client)) {
        client_doom(plugin->clients, client);
    }
    return !client_doomed(client);
}

/* ---- Hooks ---- */

/* A line a second at most: whoever knocks often does not fill the disk. */
static void log_refused(struct plugin *plugin, const struct mosquitto *handle, const char *reason) {
    int64_t now = seconds_now();
    const char *address = mosquitto_client_address(handle);

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

/* After SIGHUP: the token may have expired since, or been renewed; what is in memory counts. */
static int reauthenticate(struct plugin *plugin, const struct mosquitto *handle) {
    const struct client *client = clients_find(plugin->clients, handle);

    return client && !client_doomed(client) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_AUTH;
}

/* Takes a connection whose token is in order. */
static int admit(struct plugin *plugin, const struct mosquitto *handle,
                 const struct token_claims *claims) {
    struct user *user = clients_user(plugin->clients, claims->user);

    if (!user || (!user->set && plugin->link_down)) {
        /* Not MOSQ_ERR_AUTH: nothing is wrong with the token, the client is to try again. */
        log_refused(plugin, handle, "the user's rights cannot be loaded now");
        return MOSQ_ERR_UNKNOWN;
    }
    bool lives = access_session_lives(user->set, claims->session, seconds_now());
    if (user->set && !lives && !access_session_may_be_newer(user->set, claims->session)) {
        log_refused(plugin, handle, "the session has ended");
        return MOSQ_ERR_AUTH;
    }
    if (!lives) {
        ask_for_set(plugin, user);
    }
    if (clients_connect(plugin->clients, handle, mosquitto_client_id(handle), claims->user,
                        claims->session, claims->expires_at) != HUM_OK) {
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
    if (plugin->reloading) {
        return reauthenticate(plugin, event->client);
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

static int check_subscribe(struct plugin *plugin, struct client *client, const char *filter) {
    struct topic topic;

    if (!topic_parse_filter(str_of(filter), &topic) || !set_loaded(plugin, client) ||
        authz_verdict(client_user(client)->set, AUTHZ_SUBSCRIBE, &topic) != HUM_OK ||
        client_subscribe(plugin->clients, client, &topic) != HUM_OK) {
        return MOSQ_ERR_ACL_DENIED;
    }
    return MOSQ_ERR_SUCCESS;
}

static int check_unsubscribe(struct plugin *plugin, struct client *client, const char *filter) {
    struct topic topic;

    if (topic_parse_filter(str_of(filter), &topic)) {
        client_unsubscribe(plugin->clients, client, &topic);
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

static int check_read(struct plugin *plugin, const struct client *client, const char *text) {
    if (client_waits(client) || !parse_read(plugin, text) ||
        authz_verdict(client_user(client)->set, AUTHZ_READ, &plugin->read_parsed) != HUM_OK) {
        return MOSQ_ERR_ACL_DENIED;
    }
    return MOSQ_ERR_SUCCESS;
}

/* The refusal of a publish: an Error that names room and nonce where they can be read. */
static int refuse_publish(const struct client *client, const struct topic *topic,
                          struct str payload, enum hum_status status, const char *detail) {
    struct send_request request = {0};
    const char *ignored;
    bool is_send = topic && topic->verb == TOPIC_SEND;

    if (is_send && send_parse(payload, &request, &ignored) == HUM_OK) {
        send_free(&request);
    }
    delivery_error(client_user(client)->id, is_send ? topic->id : 0, request.nonce, status, detail);
    return MOSQ_ERR_ACL_DENIED;
}

/* Only requests are published by clients, and what becomes of them is for the MESSAGE hook to say.
 * Wills pass here and nowhere else: one to a request topic goes to nobody, since nobody may read
 * it. */
static int check_write(const struct client *client, const struct mosquitto_evt_acl_check *event) {
    const struct str payload = {event->payload, event->payloadlen};
    struct topic topic;
    bool known = topic_parse(str_of(event->topic), &topic);

    if (event->retain) {
        return refuse_publish(client, known ? &topic : NULL, payload, HUM_FORBIDDEN,
                              "messages cannot be retained");
    }
    if (!known || topic.verb != TOPIC_SEND) {
        return refuse_publish(client, NULL, payload, HUM_FORBIDDEN,
                              "this topic is not for publishing");
    }
    return MOSQ_ERR_SUCCESS;
}

static int on_acl_check(int event_kind, void *event_data, void *userdata) {
    const struct mosquitto_evt_acl_check *event = event_data;
    struct plugin *plugin = userdata;
    struct client *client = clients_find(plugin->clients, event->client);

    (void)event_kind;
    /* Unknown pointers: the waking connection, and a made-up client of the broker's own. */
    if (!client || client_doomed(client)) {
        return MOSQ_ERR_ACL_DENIED;
    }
    switch (event->access) {
    case MOSQ_ACL_READ:
        return check_read(plugin, client, event->topic);
    case MOSQ_ACL_WRITE:
        return check_write(client, event);
    case MOSQ_ACL_SUBSCRIBE:
        return check_subscribe(plugin, client, event->topic);
    case MOSQ_ACL_UNSUBSCRIBE:
        return check_unsubscribe(plugin, client, event->topic);
    default:
        return MOSQ_ERR_ACL_DENIED;
    }
}

/* Puts a Send into the journal. An error other than ACL_DENIED closes the connection without
 * PUBACK, so that the client keeps the message. */
static int accept_send(struct plugin *plugin, const struct client *client,
                       const struct topic *topic, struct str payload) {
    struct send_request request;
    const char *detail;
    enum hum_status status = send_parse(payload, &request, &detail);

    if (status != HUM_OK) {
        delivery_error(client_user(client)->id, topic->id, request.nonce, status, detail);
        return MOSQ_ERR_ACL_DENIED;
    }
    const struct record record = {
        .room = topic->id,
        .sender = client_user(client)->id,
        .reply_to = request.reply_to,
        .accepted_at = milliseconds_now(),
        .nonce = str_of(request.nonce),
        .text = {request.text, request.text_len},
    };
    status = journal_push(plugin->journal, &record);
    send_free(&request);
    return status == HUM_OK ? MOSQ_ERR_SUCCESS : MOSQ_ERR_UNKNOWN;
}

static int on_message(int event_kind, void *event_data, void *userdata) {
    const struct mosquitto_evt_message *event = event_data;
    struct plugin *plugin = userdata;
    struct client *client = clients_find(plugin->clients, event->client);
    const struct str payload = {event->payload, event->payloadlen};
    struct topic topic;

    (void)event_kind;
    if (!client || client_doomed(client) || !topic_parse(str_of(event->topic), &topic)) {
        return MOSQ_ERR_ACL_DENIED;
    }
    if (!set_loaded(plugin, client)) {
        return MOSQ_ERR_UNKNOWN; /* the message stays with the client, which comes again */
    }
    enum hum_status status = authz_verdict(client_user(client)->set, AUTHZ_WRITE, &topic);
    if (status != HUM_OK) {
        return refuse_publish(client, &topic, payload, status, NULL);
    }
    return accept_send(plugin, client, &topic, payload);
}

static int on_disconnect(int event_kind, void *event_data, void *userdata) {
    const struct mosquitto_evt_disconnect *event = event_data;
    struct plugin *plugin = userdata;

    (void)event_kind;
    if (event->client == plugin->waker) {
        plugin->waker = NULL;
    }
    clients_disconnect(plugin->clients, event->client, seconds_now());
    return MOSQ_ERR_SUCCESS;
}

static void kick(const char *client_id) {
    (void)mosquitto_kick_client_by_clientid(client_id, false);
}

/* Comes after each round of the broker's loop, at the latest every 100 ms. */
static int on_tick(int event_kind, void *event_data, void *userdata) {
    struct plugin *plugin = userdata;

    (void)event_kind;
    (void)event_data;
    plugin->reloading = false;
    if (mailbox_pending(&plugin->hub.box)) {
        drain(plugin);
    }
    int64_t now = seconds_now();
    if (now != plugin->swept_at) {
        plugin->swept_at = now;
        clients_sweep(plugin->clients, now);
    }
    clients_kick_doomed(plugin->clients, kick);
    return MOSQ_ERR_SUCCESS;
}

/* SIGHUP. The broker authenticates every connection again, before the next TICK. */
static int on_reload(int event_kind, void *event_data, void *userdata) {
    struct plugin *plugin = userdata;

    (void)event_kind;
    (void)event_data;
    plugin->reloading = true;
    return MOSQ_ERR_SUCCESS;
}

static const struct {
    int event;
    MOSQ_FUNC_generic_callback callback;
} hooks[] = {
    {MOSQ_EVT_RELOAD, on_reload},
    {MOSQ_EVT_ACL_CHECK, on_acl_check},
    {MOSQ_EVT_BASIC_AUTH, on_basic_auth},
    {MOSQ_EVT_MESSAGE, on_message},
    {MOSQ_EVT_TICK, on_tick},
    {MOSQ_EVT_DISCONNECT, on_disconnect},
};

enum { HOOK_COUNT = sizeof hooks / sizeof hooks[0] };

/* ---- Start and end ---- */

static int fail(const char *what) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "hum: cannot start: %s", what);
    return MOSQ_ERR_UNKNOWN;
}

static int read_options(struct plugin *plugin, const struct mosquitto_opt *options, int count) {
    const char *missing;

    for (int i = 0; i < count; i++) {
        if (option_set(options_table, OPTION_COUNT, plugin->options, options[i].key,
                       options[i].value) != HUM_OK) {
            mosquitto_log_printf(MOSQ_LOG_ERR, "hum: cannot start: option %s is unknown or wrong",
                                 options[i].key);
            return MOSQ_ERR_INVAL;
        }
    }
    if (option_defaults(options_table, OPTION_COUNT, plugin->options, &missing) != HUM_OK) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "hum: cannot start: option %s is needed", missing);
        return MOSQ_ERR_INVAL;
    }
    return MOSQ_ERR_SUCCESS;
}

static int load_keys(struct plugin *plugin) {
    char folder[4096];

    snprintf(folder, sizeof folder, "%s/mqtt", plugin->options[KEYS_DIR].text);
    if (keys_load(folder, &plugin->keys) != HUM_OK) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "hum: cannot start: no valid keys in %s", folder);
        return MOSQ_ERR_UNKNOWN;
    }
    return MOSQ_ERR_SUCCESS;
}

#define PLAN_ONCE "-c jit=off -c plan_cache_mode=force_generic_plan"

static void configure_database(struct plugin *plugin) {
    const struct pg_config config = {
        .url = plugin->options[DATABASE_URL].text,
        .user = plugin->options[DATABASE_USER].text,
        .password_file = plugin->options[DATABASE_PASSWORD_FILE].text,
    };

    /* Short statements over many partitions: planning them anew at each call, or compiling them,
     * would cost more than they do. */
    plugin->writer_config = config;
    plugin->writer_config.application = "hum-broker writer";
    plugin->writer_config.options = PLAN_ONCE " -c statement_timeout=30s -c lock_timeout=5s";
    plugin->listener_config = config;
    plugin->listener_config.application = "hum-broker listener";
    plugin->listener_config.options = PLAN_ONCE " -c statement_timeout=10s";
}

static void log_journal(void *arg, bool error, const char *line) {
    hub_log(arg, error, "%s", line);
}

static bool open_journal(struct plugin *plugin) {
    const struct journal_config config = {
        .folder = plugin->options[JOURNAL_DIR].text,
        .bytes = (size_t)plugin->options[JOURNAL_BYTES].number,
        .log = log_journal,
        .log_arg = &plugin->hub,
    };
    char error[256];

    plugin->journal = journal_open(&config, error, sizeof error);
    if (!plugin->journal) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "hum: cannot start: the journal: %s", error);
    }
    return plugin->journal != NULL;
}

static int start_parts(struct plugin *plugin) {
    plugin->hub.wake = wake_new(plugin->options[WAKE_SOCKET].text);
    plugin->rooms = rooms_new();
    plugin->clients = plugin->rooms ? clients_new(plugin->rooms) : NULL;
    if (!plugin->hub.wake || !plugin->clients) {
        return fail("no memory, or the path of wake_socket is too long");
    }
    if (!open_journal(plugin)) {
        return MOSQ_ERR_UNKNOWN;
    }
    configure_database(plugin);
    plugin->listener = listener_start(&plugin->listener_config, &plugin->hub);
    plugin->writer = writer_start(&plugin->writer_config, plugin->journal, &plugin->hub);
    if (!plugin->listener || !plugin->writer) {
        return fail("no thread");
    }
    plugin->delivery = (struct delivery){plugin->rooms, plugin->listener};
    return MOSQ_ERR_SUCCESS;
}

static int register_hooks(struct plugin *plugin) {
    for (size_t i = 0; i < HOOK_COUNT; i++) {
        if (mosquitto_callback_register(plugin->id, hooks[i].event, hooks[i].callback, NULL,
                                        plugin) != MOSQ_ERR_SUCCESS) {
            return fail("the broker does not take a hook");
        }
    }
    return MOSQ_ERR_SUCCESS;
}

static void plugin_free(struct plugin *plugin) {
    struct mail *mail;

    writer_stop(plugin->writer);
    listener_stop(plugin->listener);
    mail = mailbox_take(&plugin->hub.box);
    while (mail) {
        struct mail *next = mail->next;

        item_free((struct item *)mail);
        mail = next;
    }
    mailbox_close(&plugin->hub.box);
    clients_free(plugin->clients);
    rooms_free(plugin->rooms);
    journal_close(plugin->journal);
    wake_free(plugin->hub.wake);
    keys_wipe(&plugin->keys);
    free(plugin);
}

static int start(struct plugin *plugin, const struct mosquitto_opt *options, int count) {
    if (sodium_init() < 0 || !mailbox_init(&plugin->hub.box)) {
        return fail("no random numbers, or no descriptor left");
    }
    int rc = read_options(plugin, options, count);
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = load_keys(plugin);
    }
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = start_parts(plugin);
    }
    return rc == MOSQ_ERR_SUCCESS ? register_hooks(plugin) : rc;
}

#define EXPORT __attribute__((visibility("default")))

EXPORT int mosquitto_plugin_version(int supported_version_count, const int *supported_versions) {
    for (int i = 0; i < supported_version_count; i++) {
        if (supported_versions[i] == MOSQ_PLUGIN_VERSION) {
            return MOSQ_PLUGIN_VERSION;
        }
    }
    return -1;
}

EXPORT int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata,
                                 struct mosquitto_opt *options, int option_count) {
    struct plugin *plugin = calloc(1, sizeof *plugin);

    if (!plugin) {
        return MOSQ_ERR_NOMEM;
    }
    plugin->id = identifier;
    int rc = start(plugin, options, option_count);
    if (rc != MOSQ_ERR_SUCCESS) {
        plugin_free(plugin);
        return rc;
    }
    *userdata = plugin;
    mosquitto_log_printf(MOSQ_LOG_NOTICE, "hum: plugin %s is ready", HUM_VERSION);
    return MOSQ_ERR_SUCCESS;
}

EXPORT int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options,
                                    int option_count) {
    struct plugin *plugin = userdata;

    (void)options;
    (void)option_count;
    if (!plugin) {
        return MOSQ_ERR_SUCCESS;
    }
    for (size_t i = 0; i < HOOK_COUNT; i++) {
        (void)mosquitto_callback_unregister(plugin->id, hooks[i].event, hooks[i].callback, NULL);
    }
    plugin_free(plugin);
    return MOSQ_ERR_SUCCESS;
}
