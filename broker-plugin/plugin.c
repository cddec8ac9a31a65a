/* The plugin's start and end: options, the parts, the three functions that Mosquitto looks for. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <sodium.h>

#include "plugin.h"

static const struct option options_table[OPTION_COUNT] = {
    [DATABASE_URL] = {"database_url", OPTION_TEXT, NULL, "PostgreSQL, as a URI or conninfo", 0, 0},
    [DATABASE_USER] = {"database_user", OPTION_TEXT, "", "role, instead of the URL's", 0, 0},
    [DATABASE_PASSWORD_FILE] = {"database_password_file", OPTION_TEXT, "", "file of one line", 0,
                                0},
    [KEYS_DIR] = {"keys_dir", OPTION_TEXT, NULL, "folder of the key folders", 0, 0},
    [WAKE_SOCKET] = {"wake_socket", OPTION_TEXT, NULL, "the broker's unix-socket listener", 0, 0},
    [JOURNAL_DIR] = {"journal_dir", OPTION_TEXT, NULL, "folder of the journal", 0, 0},
    [JOURNAL_BYTES] = {"journal_bytes", OPTION_NUMBER, "268435456",
                       "bytes of messages that are taken and not yet committed",
                       (int64_t)512 * 1024, (int64_t)1 << 40},
    [LIMITS] = {"limits", OPTION_TEXT, "on", "on, or off: no rate is limited", 0, 0},
    [METRICS_ADDRESS] = {"metrics_address", OPTION_TEXT, "127.0.0.1", "where metrics are served", 0,
                         0},
    [METRICS_PORT] = {"metrics_port", OPTION_NUMBER, "0", "their port; 0: they are not served", 0,
                      65535},
};

static volatile sig_atomic_t reload_missed;

/* Mosquitto accepts connections a moment before it handles signals (src/mosquitto.c, main): a
 * SIGHUP in between would end it. Until then it is taken down here, and passed on at the first
 * TICK. */
static void miss_reload(int number) {
    (void)number;
    reload_missed = 1;
}

static void heed_signals(void) {
    struct sigaction action = {.sa_handler = miss_reload};

    sigemptyset(&action.sa_mask);
    sigaction(SIGHUP, &action, NULL);
}

bool plugin_missed_reload(void) {
    bool missed = reload_missed != 0;

    reload_missed = 0;
    return missed;
}

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
    struct str limits = str_of(plugin->options[LIMITS].text);
    plugin->limits = str_equal(limits, str_of("on"));
    if (!plugin->limits && !str_equal(limits, str_of("off"))) {
        return fail("option limits must be on or off");
    }
    return MOSQ_ERR_SUCCESS;
}

static int load_keys(struct plugin *plugin) {
    char folder[4096];

    snprintf(folder, sizeof folder, "%s/mqtt", plugin->options[KEYS_DIR].text);
    struct keys keys;
    if (keys_load(folder, &keys) != HUM_OK) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "hum: cannot start: no valid keys in %s", folder);
        return MOSQ_ERR_UNKNOWN;
    }
    plugin_take_keys(plugin, &keys);
    plugin->rekey = rekey_new(folder, &plugin->hub);
    if (!plugin->rekey) {
        return fail("no memory");
    }
    return MOSQ_ERR_SUCCESS;
}

/* Short statements over many partitions: planning them anew at each call, or compiling them, would
 * cost more than they do. */
#define PLAN_ONCE "-c jit=off -c plan_cache_mode=force_generic_plan"

static void configure_database(struct plugin *plugin) {
    const struct pg_config config = {
        .url = plugin->options[DATABASE_URL].text,
        .user = plugin->options[DATABASE_USER].text,
        .password_file = plugin->options[DATABASE_PASSWORD_FILE].text,
    };

    plugin->writer_config = plugin->listener_config = plugin->clerk_config = config;
    plugin->writer_config.application = "hum-broker writer";
    plugin->writer_config.options = PLAN_ONCE " -c statement_timeout=30s -c lock_timeout=5s";
    plugin->listener_config.application = "hum-broker listener";
    plugin->listener_config.options = PLAN_ONCE " -c statement_timeout=10s";
    plugin->clerk_config.application = "hum-broker clerk";
    plugin->clerk_config.options = PLAN_ONCE " -c statement_timeout=10s -c lock_timeout=2s";
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

static int open_numbers(struct plugin *plugin) {
    const char *address = plugin->options[METRICS_ADDRESS].text;
    int port = (int)plugin->options[METRICS_PORT].number;

    if (port > 0 && numbers_open(address, (uint16_t)port, &plugin->numbers) != HUM_OK) {
        mosquitto_log_printf(MOSQ_LOG_ERR, "hum: cannot start: metrics cannot be served at %s:%d",
                             address, port);
        return MOSQ_ERR_UNKNOWN;
    }
    return MOSQ_ERR_SUCCESS;
}

static int start_parts(struct plugin *plugin) {
    plugin->hub.wake = wake_new(plugin->options[WAKE_SOCKET].text);
    plugin->rooms = rooms_new();
    plugin->clients = plugin->rooms ? clients_new(plugin->rooms) : NULL;
    plugin->marks = marks_new();
    if (!plugin->hub.wake || !plugin->clients || !plugin->marks) {
        return fail("no memory, or the path of wake_socket is too long");
    }
    if (!open_journal(plugin)) {
        return MOSQ_ERR_UNKNOWN;
    }
    configure_database(plugin);
    plugin->listener = listener_start(&plugin->listener_config, &plugin->hub);
    plugin->writer = writer_start(&plugin->writer_config, plugin->journal, &plugin->hub);
    plugin->clerk = clerk_start(&plugin->clerk_config, &plugin->hub);
    if (!plugin->listener || !plugin->writer || !plugin->clerk) {
        return fail("no thread");
    }
    plugin->delivery = (struct delivery){plugin->rooms, plugin->listener};
    return open_numbers(plugin);
}

static void plugin_free(struct plugin *plugin) {
    struct mail *mail;

    numbers_close(plugin->numbers);
    writer_stop(plugin->writer);
    listener_stop(plugin->listener);
    clerk_stop(plugin->clerk);
    rekey_free(plugin->rekey);
    journal_close(plugin->journal);
    mail = mailbox_take(&plugin->hub.box);
    while (mail) {
        struct mail *next = mail->next;

        item_free((struct item *)mail);
        mail = next;
    }
    mailbox_close(&plugin->hub.box);
    clients_free(plugin->clients);
    rooms_free(plugin->rooms);
    marks_free(plugin->marks);
    wake_free(plugin->hub.wake);
    keys_wipe(&plugin->keys);
    free(plugin);
}

static int start(struct plugin *plugin, const struct mosquitto_opt *options, int count) {
    heed_signals();
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
    if (rc == MOSQ_ERR_SUCCESS && !hooks_register(plugin)) {
        hooks_unregister(plugin);
        rc = fail("the broker does not take a hook");
    }
    return rc;
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
    plugin->hub.box.event_fd = -1;
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
    if (plugin) {
        hooks_unregister(plugin);
        plugin_free(plugin);
    }
    return MOSQ_ERR_SUCCESS;
}
