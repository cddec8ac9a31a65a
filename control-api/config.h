/* Options of the control API, from the environment. */
#ifndef HUM_CONFIG_H
#define HUM_CONFIG_H

#include <stdio.h>

#include "address.h"
#include "options.h"
#include "public_urls.h"

enum config_option {
    CONFIG_BIND,
    CONFIG_HTTP_PORT,
    CONFIG_MQTT_PORT,
    CONFIG_WS_PORT,
    CONFIG_PUBLIC_URL,
    CONFIG_MQTT_URL,
    CONFIG_WS_URL,
    CONFIG_DATABASE_URL,
    CONFIG_DATABASE_USER,
    CONFIG_DATABASE_PASSWORD_FILE,
    CONFIG_DATABASE_POOL,
    CONFIG_KEYS_DIR,
    CONFIG_EVENTS_DAYS,
    CONFIG_PAGES_DIR,
    CONFIG_SMTP_URL,
    CONFIG_SMTP_CA_FILE,
    CONFIG_MAIL_FROM,
    CONFIG_LIMITS,
    CONFIG_TRUSTED_PROXIES,
    CONFIG_OAUTH_FILE,
    CONFIG_OAUTH_PRIVATE,
    CONFIG_COUNT,
};

enum { MAIL_FROM_MAX = 256 };

struct config {
    struct option_value values[CONFIG_COUNT];
    struct public_urls urls;
    char mail_from[MAIL_FROM_MAX]; /* an address; "" without a mail server */
    bool limits;                   /* rates are limited */
    bool oauth_private;            /* identity providers may be within one's own network */
    struct proxies proxies;
};

/* Reads HUM_*; a variable of that kind that is no option is refused. False: error has one line. */
HUM_MUSTCHECK bool config_read(char *const *environment, struct config *ret_config, char *error,
                               size_t error_size);
/* Overwrites what an option was set to, in the environment too, where others may read it. */
void config_forget(struct config *config, enum config_option option);
void config_help(FILE *out);

#endif
