/* hum-api: the control API. Reads its options, makes the parts, serves until it is told to stop. */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <yder.h>

#include "api.h"
#include "avatar/decoder.h"
#include "dispatch.h"
#include "handlers/pages.h"
#include "keytool.h"
#include "lines.h"
#include "server.h"
#include "statements.h"
#include "worker.h"

extern char **environ;

/* rhonabwy logs an error for every token that is none, and Ulfius for every body that bodies.c
 * turns away; anybody may send those. Of what iddawc does not like, oauth/ says more. */
static bool is_noise(const char *message) {
    static const char *const noise[] = {"r_jw", "_r_", "_i_parse_openid_config",
                                        "Ulfius - Error allocating memory for con_info"};

    for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++) {
        if (strncmp(message, noise[i], strlen(noise[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void print_log(void *cls, const char *app, const time_t date, const unsigned long level,
                      const char *message) {
    const char *name = level == Y_LOG_LEVEL_ERROR     ? "error"
                       : level == Y_LOG_LEVEL_WARNING ? "warning"
                                                      : "info";
    char line[LINES_MAX], time[32] = "";
    struct tm tm;

    (void)cls;
    if (is_noise(message)) {
        return;
    }
    if (gmtime_r(&date, &tm)) {
        strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    int len = snprintf(line, sizeof line, "%s %s %s: %s\n", time, app, name, message);
    if (len > (int)sizeof line - 1) {
        len = (int)sizeof line - 1;
        line[len - 1] = '\n';
    }
    lines_put(LINES_ERR, line, (size_t)len);
}

static void report_dropped(uint64_t count) {
    y_log_message(Y_LOG_LEVEL_WARNING,
                  "%" PRIu64 " lines of the log are lost, as they were not taken", count);
}

static void report(const char *line) { y_log_message(Y_LOG_LEVEL_WARNING, "%s", line); }

static int usage(FILE *out, int status) {
    fputs(
        "hum-api: Hum's control API, over HTTP\n\n"
        "  hum-api                 serve, with the options below from the environment;\n"
        "                          SIGHUP reads the keys anew\n"
        "  hum-api keys DIR        make the keys that are missing in DIR\n"
        "  hum-api keys DIR roll   remove those that nothing needs any more, and add one of each\n"
        "                          kind, MQTT's to sign next: the broker reads it at SIGHUP\n"
        "  hum-api keys DIR use    that one signs, once hum-api has read it at SIGHUP\n"
        "  hum-api --help          this text\n"
        "  hum-api --version       the version\n\n",
        out);
    config_help(out);
    return status;
}

/* Says what could not be done, on the way to a first request. */
static bool fail(const char *what, const char *why) {
    y_log_message(Y_LOG_LEVEL_ERROR, "%s: %s", what, why);
    return false;
}

static void keys_failed(const char *what, const char *why) { fail(what, why); }

/* wrong: of keyring.h; freed. */
static bool keys_unread(enum hum_status status, char *wrong) {
    fail(wrong ? wrong : "reading the keys", keytool_error((int)status));
    free(wrong);
    return false;
}

static bool load_keys(struct auth *auth, const char *folder) {
    char *wrong;
    enum hum_status status = keyring_open(folder, &auth->keyring, &wrong);

    return status == HUM_OK || keys_unread(status, wrong);
}

/* What one of the keys has signed that are no more is good no more. */
static void reload_keys(struct auth *auth) {
    char *wrong;
    enum hum_status status = keyring_reload(auth->keyring, &wrong);

    if (status != HUM_OK) {
        keys_unread(status, wrong);
        y_log_message(Y_LOG_LEVEL_WARNING, "the keys stay as they were");
        return;
    }
    verified_forget_all(auth->verified);
    const struct keyset *keys = keyring_take(auth->keyring);
    y_log_message(Y_LOG_LEVEL_INFO, "keys read: access tokens are signed with %s, MQTT's with %s",
                  tokens_kid(keys->tokens), keys_newest(&keys->mqtt)->kid);
    keyring_give(auth->keyring, keys);
}

/* The worker's connection is lost and found along with the others, which say so. */
static void report_nothing(const char *line) { (void)line; }

/* A database that does not answer yet is no reason to give up: the probes tell. */
static bool start_pools(struct api *api) {
    const struct option_value *values = api->config.values;
    struct pg_config config = {
        .url = values[CONFIG_DATABASE_URL].text,
        .user = values[CONFIG_DATABASE_USER].text,
        .password_file = values[CONFIG_DATABASE_PASSWORD_FILE].text,
        .application = "hum-api",
        .options =
            "-c lock_timeout=2s -c statement_timeout=10s "
            /* Planned once a connection: over 16 partitions planning costs more than running. */
            "-c jit=off -c plan_cache_mode=force_generic_plan "
            "-c idle_in_transaction_session_timeout=5s",
    };

    return (pool_start(&config, (size_t)values[CONFIG_DATABASE_POOL].number, report, &api->pool) !=
                HUM_INTERNAL &&
            pool_start(&config, 1, report_nothing, &api->worker_pool) != HUM_INTERNAL &&
            (!api->auth.mail_on ||
             pool_start(&config, 1, report_nothing, &api->mail_pool) != HUM_INTERNAL) &&
            reads_new(api->pool, &api->reads) == HUM_OK) ||
           fail("starting the connection pool", "no memory or thread");
}

/* A page that is missing keeps nobody from working: it is 404. */
static bool load_pages(struct api *api) {
    const char *folder = api->config.values[CONFIG_PAGES_DIR].text, *missing;

    if (!page_policy(api->config.urls.ws, api->page_policy, sizeof api->page_policy)) {
        return fail("the address of the broker", "too long");
    }
    if (pages_load(folder, &api->pages, &missing) != HUM_OK) {
        return fail("loading the pages", "no memory");
    }
    if (missing) {
        y_log_message(Y_LOG_LEVEL_WARNING, "%s/%s cannot be read, and is not served", folder,
                      missing);
    }
    return true;
}

static bool load_providers(struct api *api) {
    char error[256];

    return providers_load(api->config.values[CONFIG_OAUTH_FILE].text, api->config.oauth_private,
                          report, &api->providers, error, sizeof error) ||
           fail("loading the identity providers", error);
}

static bool make_api(struct api *api) {
    api->auth.mail_on = *api->config.values[CONFIG_SMTP_URL].text != '\0';
    return load_keys(&api->auth, api->config.values[CONFIG_KEYS_DIR].text) &&
           ((passwords_new(&api->auth.passwords) == HUM_OK &&
             verified_new(&api->auth.verified) == HUM_OK && seen_new(&api->auth.seen) == HUM_OK &&
             studio_new(&api->studio) == HUM_OK && dispatch_tally(&api->tally) == HUM_OK &&
             throttle_new(api->config.limits, &api->throttle) == HUM_OK) ||
            fail("starting", "no memory")) &&
           load_pages(api) && load_providers(api) && start_pools(api) &&
           (exports_new(api->pool, &api->exports) == HUM_OK || fail("starting", "no memory"));
}

static void free_api(struct api *api) {
    exports_free(api->exports);
    reads_free(api->reads);
    pool_stop(api->mail_pool);
    pool_stop(api->worker_pool);
    pool_stop(api->pool);
    throttle_free(api->throttle);
    tally_free(api->tally);
    providers_free(api->providers);
    pages_free(api->pages);
    studio_free(api->studio);
    seen_free(api->auth.seen);
    verified_free(api->auth.verified);
    passwords_free(api->auth.passwords);
    keyring_close(api->auth.keyring);
}

/* Each connection needs a descriptor. */
static void raise_limits(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool start_mailer(struct api *api) {
    const struct mailer_config config = {
        .transport = {.url = api->config.values[CONFIG_SMTP_URL].text,
                      .ca_file = api->config.values[CONFIG_SMTP_CA_FILE].text,
                      .from = str_of(api->config.mail_from)},
        .public_url = api->config.urls.api,
        .keyring = api->auth.keyring,
        .pool = api->mail_pool,
        .report = report,
    };
    char error[256];

    if (!api->auth.mail_on) {
        return true;
    }
    enum hum_status status = mailer_start(&config, &api->mailer, error, sizeof error);
    config_forget(&api->config, CONFIG_SMTP_URL);
    return status == HUM_OK || fail("mail", error);
}

/* Until a signal comes. */
static bool serve(struct api *api, const sigset_t *signals) {
    const struct option_value *values = api->config.values;
    struct server *server = NULL;
    char error[256];
    int signal_number = 0;

    if (server_start(api, &server, error, sizeof error) != HUM_OK) {
        y_log_message(Y_LOG_LEVEL_ERROR, "%s", error);
        return false;
    }
    if (!studio_works(api->studio)) {
        y_log_message(Y_LOG_LEVEL_WARNING,
                      "no avatars can be made: the process for it does not start, "
                      "or the kernel has no seccomp filter for it");
    }
    y_log_message(Y_LOG_LEVEL_INFO, "serving on %s port %s", values[CONFIG_BIND].text,
                  values[CONFIG_HTTP_PORT].text);
    while (sigwait(signals, &signal_number) == 0 && signal_number == SIGHUP) {
        reload_keys(&api->auth);
    }
    y_log_message(Y_LOG_LEVEL_INFO, "stopping, as signal %d came", signal_number);
    server_stop(server);
    return true;
}

/* Beside the requests: jobs and mails. */
static bool work(struct api *api, const sigset_t *signals) {
    struct worker *worker = NULL;

    if (worker_start(api->worker_pool, (int)api->config.values[CONFIG_EVENTS_DAYS].number,
                     api->auth.mail_on, api->auth.seen, report, &worker) != HUM_OK) {
        return fail("starting the worker", "no memory or thread");
    }
    bool ok = start_mailer(api) && serve(api, signals);
    mailer_stop(api->mailer);
    worker_stop(worker);
    return ok;
}

/* The signals are blocked before the first thread starts, so that only sigwait sees them. */
static bool run(void) {
    struct api api = {0};
    sigset_t signals;
    char error[256];

    if (!config_read(environ, &api.config, error, sizeof error)) {
        y_log_message(Y_LOG_LEVEL_ERROR, "%s", error);
        return false;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* Whoever started us may have it ignored: then no child could be waited for. */
    signal(SIGCHLD, SIG_DFL);
    raise_limits();
    if (lines_start(STDOUT_FILENO, STDERR_FILENO, report_dropped) != HUM_OK) {
        return fail("starting the log", "no memory or thread");
    }
    bool ok = make_api(&api) && work(&api, &signals);
    free_api(&api);
    lines_stop();
    return ok;
}

static int keys_command(const char *folder, const char *verb) {
    static const struct {
        const char *verb;
        bool (*run)(const char *folder, keytool_fail_fn fail);
    } list[] = {{"", keytool_make}, {"roll", keytool_roll}, {"use", keytool_use}};

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (strcmp(verb, list[i].verb) == 0) {
            return list[i].run(folder, keys_failed) ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }
    return usage(stderr, 2);
}

static int command(int argc, char **argv) {
    if (argc == 1) {
        return run() ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return usage(stdout, EXIT_SUCCESS);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("hum-api " HUM_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argv[1], "statements") == 0) {
        statements_print(stdout);
        return EXIT_SUCCESS;
    }
    if (argc >= 3 && argc <= 4 && strcmp(argv[1], "keys") == 0) {
        return keys_command(argv[2], argc == 4 ? argv[3] : "");
    }
    return usage(stderr, 2);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], DECODER_ARGUMENT) == 0) {
        return decoder_main(); /* for studio.c alone */
    }
    y_set_logs_callback(print_log, NULL, NULL);
    if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        y_init_logs("hum-api", Y_LOG_MODE_CALLBACK, Y_LOG_LEVEL_INFO, NULL, NULL) != 1) {
        fputs("hum-api: cannot start: no randomness or no memory\n", stderr);
        return EXIT_FAILURE;
    }
    int status = command(argc, argv);
    curl_global_cleanup();
    y_close_logs();
    return status;
}
