#include "oauth/provider.h"

#include <ctype.h>
#include <curl/curl.h>
#include <iddawc.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "oauth/fetch.h"
#include "oauth/published.h"
#include "oauth/redirect.h"
#include "oauth/sign_in.h"

enum {
    CALLS_MAX = 4,     /* at once, of one provider */
    PERMIT_WAIT_S = 2, /* for others to be done */
    REPORTS_MAX = 20,  /* lines at once; one more comes back every REPORT_MS */
    REPORT_MS = 5000,
};

struct provider {
    struct provider_settings settings;
    struct providers *owner;
    struct published *published;
    pthread_mutex_t lock;
    pthread_cond_t returned; /* a permit */
    /* under the lock */
    int calls;
    int reports;
    int64_t reported_at;
    atomic_uint_fast64_t known, refused, unavailable;
};

struct providers {
    bool allow_private;
    void (*report)(const char *line);
    struct provider *list;
    size_t count;
};

/* --- what is known from the start --- */

static bool start_provider(struct provider *provider, struct providers *owner,
                           const struct provider_settings *settings) {
    pthread_condattr_t attributes;

    provider->settings = *settings;
    provider->owner = owner;
    provider->reports = REPORTS_MAX;
    if (published_new(&provider->published) != HUM_OK) {
        return false;
    }
    pthread_mutex_init(&provider->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&provider->returned, &attributes);
    pthread_condattr_destroy(&attributes);
    return true;
}

/* Takes the settings over, as far as it comes: the rest is released. */
static bool start_list(struct providers *providers, struct provider_settings *settings,
                       size_t count) {
    providers->list = calloc(count ? count : 1, sizeof *providers->list);
    while (providers->list && providers->count < count &&
           start_provider(&providers->list[providers->count], providers,
                          &settings[providers->count])) {
        providers->count++;
    }
    for (size_t i = providers->count; i < count; i++) {
        settings_release(&settings[i]);
    }
    sodium_memzero(settings, count * sizeof *settings);
    return providers->list && providers->count == count;
}

bool providers_load(const char *path, bool allow_private, void (*report)(const char *line),
                    struct providers **ret_providers, char *error, size_t error_size) {
    struct provider_settings settings[PROVIDER_COUNT_MAX];
    struct providers *providers;
    size_t count = 0;

    if (*path && !settings_read(path, allow_private, settings, &count, error, error_size)) {
        return false;
    }
    snprintf(error, error_size, "HUM_OAUTH_FILE: no memory");
    providers = calloc(1, sizeof *providers);
    if (!providers || i_global_init() != I_OK ||
        curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        for (size_t i = 0; i < count; i++) {
            settings_release(&settings[i]);
        }
        free(providers);
        return false;
    }
    providers->allow_private = allow_private;
    providers->report = report;
    if (!start_list(providers, settings, count)) {
        providers_free(providers);
        return false;
    }
    *ret_providers = providers;
    return true;
}

void providers_free(struct providers *providers) {
    if (!providers) {
        return;
    }
    for (size_t i = 0; i < providers->count; i++) {
        struct provider *provider = &providers->list[i];

        published_free(provider->published);
        settings_release(&provider->settings);
        pthread_cond_destroy(&provider->returned);
        pthread_mutex_destroy(&provider->lock);
    }
    curl_global_cleanup();
    i_global_close();
    free(providers->list);
    free(providers);
}

size_t providers_count(const struct providers *providers) { return providers->count; }

struct provider *providers_at(const struct providers *providers, size_t index) {
    return &providers->list[index];
}

struct provider *provider_find(const struct providers *providers, struct str id) {
    for (size_t i = 0; i < providers->count; i++) {
        if (str_equal(str_of(providers->list[i].settings.id), id)) {
            return providers_at(providers, i);
        }
    }
    return NULL;
}

const char *provider_id(const struct provider *provider) { return provider->settings.id; }
const char *provider_name(const struct provider *provider) { return provider->settings.name; }
const char *provider_issuer(const struct provider *provider) { return provider->settings.issuer; }

bool provider_redirect_allowed(const struct provider *provider, const char *redirect_uri) {
    const struct provider_settings *settings = &provider->settings;

    if (!redirect_well_formed(redirect_uri)) {
        return false;
    }
    for (size_t i = 0; i < settings->redirect_count; i++) {
        if (redirect_matches(settings->redirect_uris[i], redirect_uri)) {
            return true;
        }
    }
    return false;
}

/* --- the operator's log, and how many ask at once --- */

/* A provider that answers wrongly answers everybody so: its lines are bounded. */
static bool may_report(struct provider *provider) {
    int64_t now = fetch_now();
    int64_t back = (now - provider->reported_at) / REPORT_MS;
    bool may;

    if (back > 0) {
        provider->reported_at = now;
        provider->reports =
            back < REPORTS_MAX - provider->reports ? provider->reports + (int)back : REPORTS_MAX;
    }
    may = provider->reports > 0;
    provider->reports -= may;
    return may;
}

static void report(struct provider *provider, const char *why) {
    char line[256];
    bool may;

    if (!why) {
        return;
    }
    pthread_mutex_lock(&provider->lock);
    may = may_report(provider);
    pthread_mutex_unlock(&provider->lock);
    if (may) {
        snprintf(line, sizeof line, "sign-in by %s failed: %s", provider->settings.id, why);
        provider->owner->report(line);
    }
}

static bool take_permit(struct provider *provider) {
    struct timespec until;
    bool ok = true;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PERMIT_WAIT_S;
    pthread_mutex_lock(&provider->lock);
    while (ok && provider->calls >= CALLS_MAX) {
        ok = pthread_cond_timedwait(&provider->returned, &provider->lock, &until) == 0 ||
             provider->calls < CALLS_MAX;
    }
    provider->calls += ok;
    pthread_mutex_unlock(&provider->lock);
    return ok;
}

static void give_permit(struct provider *provider) {
    pthread_mutex_lock(&provider->lock);
    provider->calls--;
    pthread_cond_signal(&provider->returned);
    pthread_mutex_unlock(&provider->lock);
}

static struct exchange exchange_of(const struct provider *provider) {
    return (struct exchange){&provider->settings, provider->owner->allow_private,
                             fetch_now() + PROVIDER_WAIT_MS};
}

/* --- the way there --- */

/* iddawc keeps the text of a response type in memory that all threads share. */
static pthread_mutex_t iddawc_lock = PTHREAD_MUTEX_INITIALIZER;

static bool fill_session(struct _i_session *session, const struct provider *provider,
                         const char *endpoint, const char *redirect_uri, const char *state) {
    const struct provider_settings *settings = &provider->settings;

    /* Not strict: a scope that the provider does not list is its own to refuse. */
    return i_set_int_parameter(session, I_OPT_OPENID_CONFIG_STRICT, I_STRICT_NO) == I_OK &&
           i_set_response_type(session, I_RESPONSE_TYPE_CODE) == I_OK &&
           i_set_str_parameter(session, I_OPT_AUTH_ENDPOINT, endpoint) == I_OK &&
           i_set_str_parameter(session, I_OPT_CLIENT_ID, settings->client_id) == I_OK &&
           i_set_str_parameter(session, I_OPT_SCOPE, settings->scopes) == I_OK &&
           i_set_str_parameter(session, I_OPT_REDIRECT_URI, redirect_uri) == I_OK &&
           i_set_str_parameter(session, I_OPT_STATE, state) == I_OK;
}

static char *build_url(const struct provider *provider, const char *endpoint,
                       const char *redirect_uri, const char *state, const char *nonce,
                       const char *code_challenge) {
    struct _i_session session;
    char *url = NULL;

    pthread_mutex_lock(&iddawc_lock);
    if (i_init_session(&session) == I_OK) {
        if (fill_session(&session, provider, endpoint, redirect_uri, state) &&
            (provider->settings.kind == PROVIDER_GITHUB || !nonce ||
             i_set_str_parameter(&session, I_OPT_NONCE, nonce) == I_OK) &&
            i_set_additional_parameter(&session, "code_challenge", code_challenge) == I_OK &&
            i_set_additional_parameter(&session, "code_challenge_method", "S256") == I_OK &&
            i_build_auth_url_get(&session) == I_OK) {
            url = strdup(i_get_str_parameter(&session, I_OPT_REDIRECT_TO));
        }
        i_clean_session(&session);
    }
    pthread_mutex_unlock(&iddawc_lock);
    return url;
}

/* RFC 3986's unreserved characters, of a length. */
static bool is_word(const char *text, size_t min, size_t max) {
    size_t len = 0;

    if (!text) {
        return false;
    }
    while (len <= max && text[len] &&
           (isalnum((unsigned char)text[len]) || strchr("-._~", text[len]))) {
        len++;
    }
    return text[len] == '\0' && len >= min && len <= max;
}

static bool is_printable(const char *text, size_t max) {
    size_t len = 0;

    if (!text) {
        return false;
    }
    while (len <= max && text[len] >= ' ' && text[len] <= '~') {
        len++;
    }
    return text[len] == '\0' && len >= 1 && len <= max;
}

enum hum_status provider_authorize_url(struct provider *provider, const char *redirect_uri,
                                       const char *state, const char *nonce,
                                       const char *code_challenge, char **ret_url) {
    struct exchange exchange = exchange_of(provider);
    struct metadata metadata;
    const char *why = NULL;
    char *url;

    if (!is_printable(redirect_uri, PROVIDER_REDIRECT_MAX) ||
        !is_word(state, 1, PROVIDER_STATE_MAX) ||
        (nonce && !is_word(nonce, 1, PROVIDER_STATE_MAX)) ||
        !is_word(code_challenge, CHALLENGE_LEN, CHALLENGE_LEN)) {
        return HUM_INVALID_REQUEST;
    }
    enum hum_status status = published_metadata(provider->published, &exchange, &metadata, &why);
    report(provider, why);
    if (status != HUM_OK) {
        return status;
    }
    url = build_url(provider, metadata.authorization_endpoint, redirect_uri, state, nonce,
                    code_challenge);
    if (!url) {
        return HUM_INTERNAL;
    }
    *ret_url = url;
    return HUM_OK;
}

/* --- and back --- */

static bool grant_ok(const struct provider_grant *grant) {
    return is_printable(grant->code, PROVIDER_CODE_MAX) &&
           is_word(grant->code_verifier, VERIFIER_MIN, VERIFIER_MAX) &&
           is_printable(grant->redirect_uri, PROVIDER_REDIRECT_MAX) &&
           (!grant->nonce || is_word(grant->nonce, 1, PROVIDER_STATE_MAX));
}

static enum hum_status tell(struct provider *provider, enum hum_status status) {
    atomic_fetch_add(status == HUM_OK            ? &provider->known
                     : status == HUM_UNAVAILABLE ? &provider->unavailable
                                                 : &provider->refused,
                     1);
    return status;
}

enum hum_status provider_identity(struct provider *provider, const struct provider_grant *grant,
                                  struct identity *ret_identity) {
    struct exchange exchange;
    struct identity identity = {0};
    const char *why = NULL;

    if (!grant_ok(grant)) {
        return tell(provider, HUM_INVALID_GRANT);
    }
    if (!take_permit(provider)) {
        return tell(provider, HUM_UNAVAILABLE);
    }
    exchange = exchange_of(provider);
    enum hum_status status = sign_in_run(&exchange, provider->published, grant, &identity, &why);
    give_permit(provider);
    if (status == HUM_OK) {
        *ret_identity = identity;
    } else {
        report(provider, why);
    }
    return tell(provider, status);
}

void provider_count(const struct provider *provider, struct provider_numbers *ret_numbers) {
    *ret_numbers = (struct provider_numbers){
        .known = atomic_load(&provider->known),
        .refused = atomic_load(&provider->refused),
        .unavailable = atomic_load(&provider->unavailable),
    };
}
