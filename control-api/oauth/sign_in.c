#include "oauth/sign_in.h"

#include <time.h>

#include "oauth/github.h"
#include "oauth/id_token.h"
#include "oauth/person.h"

/* A sign-in that is going on. */
struct attempt {
    const struct exchange *exchange;
    struct published *published;
    const struct provider_grant *grant;
    struct metadata metadata;
    const char *why; /* for the operator; NULL: nothing to say */
};

/* RFC 9207: an answer that says whose it is must be this provider's, or the code would be shown to
 * another one. GitHub's issuer may name a place below it. */
static bool answer_is_its_own(const struct attempt *attempt) {
    const struct provider_settings *settings = attempt->exchange->settings;
    const char *iss = attempt->grant->iss;
    size_t len = strlen(settings->issuer);

    if (!iss) {
        return !(attempt->grant->by_callback && attempt->metadata.names_itself);
    }
    if (settings->kind == PROVIDER_GITHUB) {
        return strncmp(iss, settings->issuer, len) == 0 && (iss[len] == '\0' || iss[len] == '/');
    }
    return strcmp(iss, settings->issuer) == 0;
}

/* What the ID token leaves out, the userinfo endpoint may have (OpenID Connect Core 1.0, section
 * 5.3); it must speak of the same person. */
static enum hum_status ask_person(struct attempt *attempt, const char *access_token,
                                  struct identity *identity) {
    json_t *claims = NULL;
    const char *subject;
    enum hum_status status = exchange_get(attempt->exchange, attempt->metadata.userinfo_endpoint,
                                          access_token, &claims, &attempt->why);

    if (status == HUM_FORBIDDEN) {
        return HUM_OK;
    }
    if (status != HUM_OK) {
        return status;
    }
    subject = json_string_value(json_object_get(claims, "sub"));
    if (subject && strcmp(subject, identity->subject) == 0) {
        person_claims(claims, identity);
    } else {
        attempt->why = "its userinfo speaks of somebody else";
        status = HUM_INVALID_GRANT;
    }
    json_decref(claims);
    return status;
}

static enum hum_status check_id_token(struct attempt *attempt, const char *token,
                                      const char *access_token, json_t **ret_claims) {
    struct id_token_rules rules = {.issuer = attempt->exchange->settings->issuer,
                                   .client_id = attempt->exchange->settings->client_id,
                                   .nonce = attempt->grant->nonce,
                                   .access_token = access_token,
                                   .algs = attempt->metadata.algs,
                                   .now = time(NULL)};
    json_t *key = NULL;
    enum hum_status status = published_key(attempt->published, attempt->exchange,
                                           &attempt->metadata, token, &key, &attempt->why);

    if (status == HUM_OK) {
        status = id_token_verify(token, key, &rules, ret_claims, &attempt->why);
        json_decref(key);
    }
    return status == HUM_OK || status == HUM_UNAVAILABLE ? status : HUM_INVALID_GRANT;
}

static enum hum_status identity_of_id_token(struct attempt *attempt, const json_t *answer,
                                            const char *access_token, struct identity *identity) {
    const char *token = json_string_value(json_object_get(answer, "id_token"));
    json_t *claims = NULL;
    enum hum_status status;

    if (!token) {
        attempt->why = "its token endpoint's answer lacks an ID token";
        return HUM_INVALID_GRANT;
    }
    status = check_id_token(attempt, token, access_token, &claims);
    if (status != HUM_OK) {
        return status;
    }
    person_text(claims, "iss", identity->issuer, sizeof identity->issuer);
    person_text(claims, "sub", identity->subject, sizeof identity->subject);
    person_claims(claims, identity);
    json_decref(claims);
    if (!identity->email[0] && attempt->metadata.userinfo_endpoint[0]) {
        return ask_person(attempt, access_token, identity);
    }
    return HUM_OK;
}

static enum hum_status run(struct attempt *attempt, struct identity *identity) {
    const struct provider_settings *settings = attempt->exchange->settings;
    json_t *answer = NULL;
    enum hum_status status = published_metadata(attempt->published, attempt->exchange,
                                                &attempt->metadata, &attempt->why);

    if (status != HUM_OK) {
        return status;
    }
    if (!answer_is_its_own(attempt)) {
        attempt->why = "the answer's iss is another issuer";
        return HUM_INVALID_GRANT;
    }
    status = exchange_code(attempt->exchange, attempt->metadata.token_endpoint,
                           attempt->metadata.auth, attempt->grant, &answer, &attempt->why);
    if (status != HUM_OK) {
        return status;
    }
    const char *access_token = json_string_value(json_object_get(answer, "access_token"));
    if (settings->kind == PROVIDER_GITHUB) {
        status = github_identity(attempt->exchange, access_token, identity, &attempt->why);
    } else {
        status = identity_of_id_token(attempt, answer, access_token, identity);
    }
    json_decref(answer);
    return status == HUM_FORBIDDEN ? HUM_UNAVAILABLE : status;
}

enum hum_status sign_in_run(const struct exchange *exchange, struct published *published,
                            const struct provider_grant *grant, struct identity *identity,
                            const char **ret_why) {
    struct attempt attempt = {.exchange = exchange, .published = published, .grant = grant};
    enum hum_status status = run(&attempt, identity);

    *ret_why = attempt.why;
    return status;
}
