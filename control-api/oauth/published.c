#include "oauth/published.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "oauth/fetch.h"
#include "oauth/github.h"
#include "oauth/id_token.h"

/* Times are fetch_now's; 0: never. */
struct document {
    int64_t got_at, failed_at, asked_at;
    int64_t old_ms; /* how old it may get */
    bool is_asked;  /* by one thread */
    int waiting;    /* others, for that one */
};

struct published {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    struct document discovery, keys;
    struct metadata metadata;
    json_t *key_set; /* jansson's objects are not for several threads */
};

enum hum_status published_new(struct published **ret_published) {
    struct published *published = calloc(1, sizeof *published);
    pthread_condattr_t attributes;

    if (!published) {
        return HUM_INTERNAL;
    }
    pthread_mutex_init(&published->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&published->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    published->discovery.old_ms = PUBLISHED_OLD_DISCOVERY_MS;
    published->keys.old_ms = PUBLISHED_OLD_KEYS_MS;
    *ret_published = published;
    return HUM_OK;
}

void published_free(struct published *published) {
    if (!published) {
        return;
    }
    json_decref(published->key_set);
    pthread_cond_destroy(&published->changed);
    pthread_mutex_destroy(&published->lock);
    free(published);
}

/* Whether it came after a moment (0: at all), and less than so long ago. */
static bool is_there(const struct document *document, int64_t after, int64_t age_ms) {
    return document->got_at > after && fetch_now() - document->got_at < age_ms;
}

static bool is_fresh(const struct document *document, int64_t after) {
    return is_there(document, after, PUBLISHED_KEPT_MS);
}

static bool will_do(const struct document *document, int64_t after) {
    return is_there(document, after, document->old_ms);
}

/* False: the deadline has passed. */
static bool wait_for_change(struct published *published, int64_t deadline_ms) {
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};

    return fetch_now() < deadline_ms &&
           pthread_cond_timedwait(&published->changed, &published->lock, &until) == 0;
}

/* Whoever waits holds a thread that serves others: not many, and not long. */
static void wait_for_asker(struct published *published, struct document *document, int64_t after,
                           int64_t deadline_ms) {
    int64_t until = fetch_now() + PUBLISHED_WAIT_MS;

    if (document->waiting >= PUBLISHED_WAITERS_MAX) {
        return;
    }
    document->waiting++;
    while (document->is_asked && !will_do(document, after) &&
           wait_for_change(published, until < deadline_ms ? until : deadline_ms)) {
    }
    document->waiting--;
}

/* Whether the caller has to ask; it says so by asked(). False: ret_status is how it stands without.
 */
static bool must_ask(struct published *published, struct document *document, int64_t after,
                     int64_t deadline_ms, enum hum_status *ret_status) {
    wait_for_asker(published, document, after, deadline_ms);
    bool failed =
        document->failed_at > 0 && fetch_now() - document->failed_at < PUBLISHED_FAILED_MS;
    if (is_fresh(document, after) || document->is_asked || failed) {
        *ret_status = will_do(document, after) ? HUM_OK : HUM_UNAVAILABLE;
        return false;
    }
    document->is_asked = true;
    document->asked_at = fetch_now();
    return true;
}

/* How it stands when the caller has asked. */
static enum hum_status asked(struct published *published, struct document *document, int64_t after,
                             bool ok) {
    document->is_asked = false;
    *(ok ? &document->got_at : &document->failed_at) = fetch_now();
    pthread_cond_broadcast(&published->changed);
    return ok || will_do(document, after) ? HUM_OK : HUM_UNAVAILABLE;
}

static bool ask_discovery(const struct exchange *exchange, struct metadata *ret_metadata,
                          const char **ret_why) {
    static const char path[] = "/.well-known/openid-configuration";
    const char *issuer = exchange->settings->issuer;
    size_t len = strlen(issuer);
    char url[SETTINGS_URL_MAX + sizeof path];
    json_t *document = NULL;

    /* OpenID Connect Discovery 1.0, section 4.1: a slash at the end is not doubled. */
    len -= len > 0 && issuer[len - 1] == '/';
    snprintf(url, sizeof url, "%.*s%s", (int)len, issuer, path);
    bool ok = exchange_get(exchange, url, NULL, &document, ret_why) == HUM_OK;
    if (ok) {
        ok = metadata_parse(exchange->settings, exchange->allow_private, document, ret_metadata,
                            ret_why);
        json_decref(document);
    }
    return ok;
}

enum hum_status published_metadata(struct published *published, const struct exchange *exchange,
                                   struct metadata *ret_metadata, const char **ret_why) {
    struct metadata metadata;
    enum hum_status status = HUM_OK;

    *ret_why = NULL;
    if (exchange->settings->kind == PROVIDER_GITHUB) {
        github_metadata(exchange->settings, ret_metadata);
        return HUM_OK;
    }
    pthread_mutex_lock(&published->lock);
    if (must_ask(published, &published->discovery, 0, exchange->deadline_ms, &status)) {
        pthread_mutex_unlock(&published->lock);
        bool ok = ask_discovery(exchange, &metadata, ret_why);
        pthread_mutex_lock(&published->lock);
        if (ok) {
            published->metadata = metadata;
        }
        status = asked(published, &published->discovery, 0, ok);
    }
    if (status == HUM_OK) {
        *ret_metadata = published->metadata;
    }
    pthread_mutex_unlock(&published->lock);
    return status;
}

static bool ask_keys(const struct exchange *exchange, const char *url, json_t **ret_set,
                     const char **ret_why) {
    json_t *set = NULL;

    if (exchange_get(exchange, url, NULL, &set, ret_why) != HUM_OK) {
        return false;
    }
    if (!json_is_array(json_object_get(set, "keys"))) {
        json_decref(set);
        *ret_why = "its keys are no JSON Web Key Set";
        return false;
    }
    *ret_set = set;
    return true;
}

/* after: of a moment, the keys looked at are newer. ret_got_at: of when they are. */
static enum hum_status find_key(struct published *published, const struct exchange *exchange,
                                const struct metadata *metadata, const char *token, int64_t after,
                                int64_t *ret_got_at, json_t **ret_key, const char **ret_why) {
    enum hum_status status = HUM_OK;
    json_t *set = NULL;

    *ret_why = NULL;
    pthread_mutex_lock(&published->lock);
    if (must_ask(published, &published->keys, after, exchange->deadline_ms, &status)) {
        pthread_mutex_unlock(&published->lock);
        bool ok = ask_keys(exchange, metadata->jwks_uri, &set, ret_why);
        pthread_mutex_lock(&published->lock);
        if (ok) {
            json_decref(published->key_set);
            published->key_set = set;
        }
        status = asked(published, &published->keys, after, ok);
    }
    if (status == HUM_OK) {
        *ret_got_at = published->keys.got_at;
        status = id_token_key(token, published->key_set, metadata->algs, ret_key, ret_why);
    }
    pthread_mutex_unlock(&published->lock);
    return status;
}

/* A key that is not known may be a new one. False: nothing newer is to be had, as it was looked for
 * just now. */
static bool may_be_newer(struct published *published, int64_t got_at) {
    const struct document *keys = &published->keys;
    bool may;

    pthread_mutex_lock(&published->lock);
    may = keys->is_asked || keys->got_at > got_at ||
          fetch_now() - keys->asked_at >= PUBLISHED_NEW_KEYS_MS;
    pthread_mutex_unlock(&published->lock);
    return may;
}

enum hum_status published_key(struct published *published, const struct exchange *exchange,
                              const struct metadata *metadata, const char *token, json_t **ret_key,
                              const char **ret_why) {
    int64_t got_at = 0;
    enum hum_status status =
        find_key(published, exchange, metadata, token, 0, &got_at, ret_key, ret_why);

    if (status == HUM_NOT_FOUND && may_be_newer(published, got_at)) {
        status = find_key(published, exchange, metadata, token, got_at, &got_at, ret_key, ret_why);
    }
    return status;
}
