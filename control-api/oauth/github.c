#include "oauth/github.h"

#include <stdio.h>

#include "oauth/person.h"

enum { API_URL_MAX = SETTINGS_URL_MAX + 64 };

void github_metadata(const struct provider_settings *settings, struct metadata *ret_metadata) {
    *ret_metadata = (struct metadata){.auth = CLIENT_AUTH_POST};
    snprintf(ret_metadata->authorization_endpoint, METADATA_URL_MAX, "%s/login/oauth/authorize",
             settings->issuer);
    snprintf(ret_metadata->token_endpoint, METADATA_URL_MAX, "%s/login/oauth/access_token",
             settings->issuer);
}

/* Enterprise Server has its API below its own name. */
static void api_url(const struct provider_settings *settings, const char *path,
                    char url[API_URL_MAX]) {
    bool is_public = strcmp(settings->issuer, "https://github.com") == 0;

    snprintf(url, API_URL_MAX, "%s%s%s", is_public ? "https://api.github.com" : settings->issuer,
             is_public ? "" : "/api/v3", path);
}

static bool read_user(const json_t *user, struct identity *identity) {
    const json_t *id = json_object_get(user, "id");

    if (!json_is_integer(id) || json_integer_value(id) <= 0) {
        return false;
    }
    snprintf(identity->subject, sizeof identity->subject, "%" JSON_INTEGER_FORMAT,
             json_integer_value(id));
    person_text(user, "login", identity->name, sizeof identity->name);
    return true;
}

static void read_emails(const json_t *list, struct identity *identity) {
    const json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry) {
        if (json_is_true(json_object_get(entry, "primary")) &&
            json_is_true(json_object_get(entry, "verified"))) {
            person_text(entry, "email", identity->email, sizeof identity->email);
            identity->email_verified = identity->email[0] != '\0';
        }
    }
}

enum hum_status github_identity(const struct exchange *exchange, const char *access_token,
                                struct identity *ret_identity, const char **ret_why) {
    struct identity identity = {0};
    char url[API_URL_MAX];
    json_t *document = NULL;
    enum hum_status status;

    api_url(exchange->settings, "/user", url);
    status = exchange_get(exchange, url, access_token, &document, ret_why);
    if (status != HUM_OK) {
        return status;
    }
    if (!read_user(document, &identity)) {
        *ret_why = "its API does not say who that is";
        status = HUM_UNAVAILABLE;
    }
    json_decref(document);
    if (status != HUM_OK) {
        return status;
    }
    api_url(exchange->settings, "/user/emails", url);
    status = exchange_get(exchange, url, access_token, &document, ret_why);
    if (status == HUM_OK) {
        read_emails(document, &identity);
        json_decref(document);
    } else if (status != HUM_FORBIDDEN) {
        return status;
    }
    /* Somebody who keeps their address to themselves is still somebody. */
    snprintf(identity.issuer, sizeof identity.issuer, "%s", exchange->settings->issuer);
    *ret_identity = identity;
    return HUM_OK;
}
