#include "config.h"

#include <ctype.h>

#include "domain/email.h"
#include "mail/letter.h"

static const char prefix[] = "HUM_";

static const struct option table[CONFIG_COUNT] = {
    [CONFIG_BIND] = {"bind", OPTION_TEXT, "127.0.0.1", "address to listen on", 0, 0},
    [CONFIG_HTTP_PORT] = {"http_port", OPTION_NUMBER, "8080", "port of the REST API", 1, 65535},
    [CONFIG_MQTT_PORT] = {"mqtt_port", OPTION_NUMBER, "1883", "port that clients reach MQTT at", 1,
                          65535},
    [CONFIG_WS_PORT] = {"ws_port", OPTION_NUMBER, "9001",
                        "port that clients reach MQTT over WebSocket at", 1, 65535},
    [CONFIG_PUBLIC_URL] = {"public_url", OPTION_TEXT, "",
                           "how clients reach this API (http://BIND:HTTP_PORT)", 0, 0},
    [CONFIG_MQTT_URL] = {"mqtt_url", OPTION_TEXT, "",
                         "how they reach MQTT: mqtt[s]://HOST:PORT (the host of public_url with "
                         "MQTT_PORT, or by https mqtts and 8883)",
                         0, 0},
    [CONFIG_WS_URL] =
        {"ws_url", OPTION_TEXT, "",
         "how they reach MQTT over WebSocket: ws[s]://HOST[:PORT]/PATH (the host of "
         "public_url with WS_PORT, or by https wss and the port of public_url; /mqtt)",
         0, 0},
    [CONFIG_DATABASE_URL] = {"database_url", OPTION_TEXT, NULL,
                             "PostgreSQL: a URI or a conninfo string", 0, 0},
    [CONFIG_DATABASE_USER] = {"database_user", OPTION_TEXT, "",
                              "role to connect as (as in database_url)", 0, 0},
    [CONFIG_DATABASE_PASSWORD_FILE] = {"database_password_file", OPTION_TEXT, "",
                                       "file with its password in one line", 0, 0},
    [CONFIG_DATABASE_POOL] = {"database_pool", OPTION_NUMBER, "8", "connections to the database", 1,
                              64},
    [CONFIG_KEYS_DIR] = {"keys_dir", OPTION_TEXT, NULL,
                         "folder of keys, as \"hum-api keys DIR\" makes it", 0, 0},
    [CONFIG_EVENTS_DAYS] = {"events_days", OPTION_NUMBER, "30",
                            "how long events are kept for other systems to read", 1, 36500},
    [CONFIG_PAGES_DIR] = {"pages_dir", OPTION_TEXT, "",
                          "folder of the specification and of Swagger UI (none: not served)", 0, 0},
    [CONFIG_SMTP_URL] = {"smtp_url", OPTION_TEXT, "",
                         "mail server: smtp[s]://[USER:PASSWORD@]HOST[:PORT], with TLS in any case "
                         "(none: addresses are not verified)",
                         0, 0},
    [CONFIG_SMTP_CA_FILE] = {"smtp_ca_file", OPTION_TEXT, "",
                             "certificates (PEM) of those who vouch for the mail server (the "
                             "system's)",
                             0, 0},
    [CONFIG_MAIL_FROM] = {"mail_from", OPTION_TEXT, "",
                          "address that mails come from (noreply@ the host of HUM_PUBLIC_URL)", 0,
                          0},
    [CONFIG_LIMITS] = {"limits", OPTION_TEXT, "on", "on, or off: no rate is limited", 0, 0},
    [CONFIG_TRUSTED_PROXIES] = {"trusted_proxies", OPTION_TEXT, "",
                                "addresses and networks, with commas between, whose "
                                "X-Forwarded-For says who the client is (none)",
                                0, 0},
    [CONFIG_OAUTH_FILE] = {"oauth_file", OPTION_TEXT, "",
                           "identity providers, in JSON (docs/identity.md; none: nobody signs in "
                           "by them)",
                           0, 0},
    [CONFIG_OAUTH_PRIVATE] = {"oauth_private", OPTION_TEXT, "off",
                              "on: they may have private addresses, and http on loopback", 0, 0},
};

/* HUM_HTTP_PORT=… to http_port; false: too long to be one of ours. */
static bool option_name(const char *variable, size_t len, char *ret_name, size_t size) {
    if (len >= size) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        ret_name[i] = (char)tolower((unsigned char)variable[i]);
    }
    ret_name[len] = '\0';
    return true;
}

static enum hum_status set_variable(struct config *config, const char *variable) {
    const char *sign = strchr(variable, '=');
    const char *start = variable + sizeof prefix - 1;
    char name[64];

    if (!sign || !option_name(start, (size_t)(sign - start), name, sizeof name)) {
        return HUM_NOT_FOUND;
    }
    return option_set(table, CONFIG_COUNT, config->values, name, sign + 1);
}

static bool set_all(struct config *config, char *const *environment, char *error,
                    size_t error_size) {
    for (char *const *at = environment; *at; at++) {
        if (strncmp(*at, prefix, sizeof prefix - 1) != 0) {
            continue;
        }
        enum hum_status status = set_variable(config, *at);
        if (status != HUM_OK) {
            snprintf(error, error_size, "%.*s: %s", (int)strcspn(*at, "="), *at,
                     status == HUM_NOT_FOUND ? "no such option" : "the value does not fit");
            return false;
        }
    }
    return true;
}

static bool make_urls(struct config *config, char *error, size_t error_size) {
    const struct option_value *values = config->values;
    const struct public_urls_given given = {
        .api = values[CONFIG_PUBLIC_URL].text,
        .mqtt = values[CONFIG_MQTT_URL].text,
        .ws = values[CONFIG_WS_URL].text,
        .bind = values[CONFIG_BIND].text,
        .http_port = (int)values[CONFIG_HTTP_PORT].number,
        .mqtt_port = (int)values[CONFIG_MQTT_PORT].number,
        .ws_port = (int)values[CONFIG_WS_PORT].number,
    };
    const char *line;

    if (!public_urls_make(&given, &config->urls, &line)) {
        snprintf(error, error_size, "%s", line);
        return false;
    }
    return true;
}

static bool read_switch(const struct config *config, enum config_option option, bool *ret_on,
                        char *error, size_t error_size) {
    const char *text = config->values[option].text;

    *ret_on = strcmp(text, "on") == 0;
    if (!*ret_on && strcmp(text, "off") != 0) {
        snprintf(error, error_size, "HUM_%s: must be on or off",
                 option == CONFIG_LIMITS ? "LIMITS" : "OAUTH_PRIVATE");
        return false;
    }
    return true;
}

static bool read_limits(struct config *config, char *error, size_t error_size) {
    if (!read_switch(config, CONFIG_LIMITS, &config->limits, error, error_size) ||
        !read_switch(config, CONFIG_OAUTH_PRIVATE, &config->oauth_private, error, error_size)) {
        return false;
    }
    if (!proxies_parse(config->values[CONFIG_TRUSTED_PROXIES].text, &config->proxies)) {
        snprintf(error, error_size,
                 "HUM_TRUSTED_PROXIES: must be addresses or networks with commas between, "
                 "at most %d",
                 (int)PROXIES_MAX);
        return false;
    }
    return true;
}

/* Who runs a mail server without a name to write from has to say which to take. */
static bool make_mail(struct config *config, char *error, size_t error_size) {
    const char *given = config->values[CONFIG_MAIL_FROM].text;

    if (*config->values[CONFIG_SMTP_URL].text == '\0') {
        return true;
    }
    if (strlen(config->urls.api) > LETTER_URL_MAX) {
        snprintf(error, error_size, "HUM_PUBLIC_URL: too long for the links in mails");
        return false;
    }
    int len = *given ? snprintf(config->mail_from, MAIL_FROM_MAX, "%s", given)
                     : snprintf(config->mail_from, MAIL_FROM_MAX, "noreply@%s", config->urls.host);
    if (len >= MAIL_FROM_MAX || !email_valid(str_of(config->mail_from))) {
        snprintf(error, error_size, "HUM_MAIL_FROM: must be an e-mail address");
        return false;
    }
    return true;
}

bool config_read(char *const *environment, struct config *ret_config, char *error,
                 size_t error_size) {
    struct config config = {0};
    const char *name = NULL;
    char upper[64];

    if (!set_all(&config, environment, error, error_size)) {
        return false;
    }
    if (option_defaults(table, CONFIG_COUNT, config.values, &name) != HUM_OK) {
        size_t i = 0;

        for (; name[i] && i < sizeof upper - 1; i++) {
            upper[i] = (char)toupper((unsigned char)name[i]);
        }
        upper[i] = '\0';
        snprintf(error, error_size, "%s%s: must be set", prefix, upper);
        return false;
    }
    if (!make_urls(&config, error, error_size) || !read_limits(&config, error, error_size) ||
        !make_mail(&config, error, error_size)) {
        return false;
    }
    *ret_config = config;
    return true;
}

void config_forget(struct config *config, enum config_option option) {
    /* The text is a part of the environment, which is ours to write to. */
    char *text = (char *)(uintptr_t)config->values[option].text;

    if (*text) {
        explicit_bzero(text, strlen(text));
    }
}

void config_help(FILE *out) {
    for (size_t i = 0; i < CONFIG_COUNT; i++) {
        int used = fprintf(out, "  %s", prefix);

        for (const char *at = table[i].name; *at; at++) {
            used += fputc(toupper((unsigned char)*at), out) != EOF;
        }
        fprintf(out, "%*s%s", used < 34 ? 34 - used : 1, "", table[i].help);
        if (!table[i].initial) {
            fputs("; must be set", out);
        } else if (*table[i].initial) {
            fprintf(out, "; default %s", table[i].initial);
        }
        fputc('\n', out);
    }
}
