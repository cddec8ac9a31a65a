#include "token.h"

#include <inttypes.h>
#include <jansson.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>

static bool add_claims(jwt_t *jwt, const struct key *key, const struct token_claims *claims,
                       int64_t issued_at) {
    char user[24], session[24];

    snprintf(user, sizeof user, "%" PRId64, claims->user);
    snprintf(session, sizeof session, "%" PRId64, claims->session);
    return jwt_add_header(jwt, "kid", key->kid) == 0 &&
           jwt_add_grant(jwt, "iss", TOKEN_ISSUER) == 0 &&
           jwt_add_grant(jwt, "aud", TOKEN_AUDIENCE_MQTT) == 0 &&
           jwt_add_grant(jwt, "sub", user) == 0 && jwt_add_grant(jwt, "sid", session) == 0 &&
           jwt_add_grant_int(jwt, "iat", (long)issued_at) == 0 &&
           jwt_add_grant_int(jwt, "exp", (long)claims->expires_at) == 0 &&
           jwt_set_alg(jwt, JWT_ALG_HS256, key->bytes, KEY_LEN) == 0;
}

enum hum_status token_issue(const struct keys *keys, const struct token_claims *claims,
                            int64_t issued_at, char **ret_token) {
    jwt_t *jwt = NULL;
    char *token = NULL;

    if (jwt_new(&jwt) != 0) {
        return HUM_INTERNAL;
    }
    if (add_claims(jwt, keys_newest(keys), claims, issued_at)) {
        token = jwt_encode_str(jwt);
    }
    jwt_free(jwt);
    if (!token) {
        return HUM_INTERNAL;
    }
    *ret_token = token; /* libjwt's default allocator is malloc */
    return HUM_OK;
}

/* The key that the token names. libjwt takes the key before it has read the kid, so the header is
 * read once without a key; it says nothing else that is believed. */
static const struct key *key_of(const struct keys *keys, const char *token) {
    jwt_t *unverified = NULL;
    const struct key *key = NULL;

    if (jwt_decode(&unverified, token, NULL, 0) != 0) {
        return NULL;
    }
    const char *kid = jwt_get_header(unverified, "kid");
    const char *alg = jwt_get_header(unverified, "alg"); /* without a key jwt_get_alg says none */
    if (kid && alg && strcmp(alg, "HS256") == 0) {
        key = keys_find(keys, kid);
    }
    jwt_free(unverified);
    return key;
}

/* A claim that must be an integer: libjwt reads a text or a float as 0 and sets errno only then. */
static bool int_claim(jwt_t *jwt, const char *name, int64_t *ret_value) {
    char *text = jwt_get_grants_json(jwt, name);
    char *end = NULL;
    bool ok = false;

    if (text) {
        long long value = strtoll(text, &end, 10);

        ok = end != text && *end == '\0' && value > 0;
        *ret_value = value;
        free(text);
    }
    return ok;
}

static bool text_claim(jwt_t *jwt, const char *name, const char *expected) {
    const char *value = jwt_get_grant(jwt, name);

    return value && strcmp(value, expected) == 0;
}

static bool id_claim(jwt_t *jwt, const char *name, int64_t *ret_id) {
    const char *value = jwt_get_grant(jwt, name);

    return value && str_id(str_of(value), ret_id);
}

static bool read_claims(jwt_t *jwt, int64_t now, struct token_claims *claims) {
    claims->issued_at = 0;
    (void)int_claim(jwt, "iat", &claims->issued_at);
    return jwt_get_alg(jwt) == JWT_ALG_HS256 && text_claim(jwt, "iss", TOKEN_ISSUER) &&
           text_claim(jwt, "aud", TOKEN_AUDIENCE_MQTT) && id_claim(jwt, "sub", &claims->user) &&
           id_claim(jwt, "sid", &claims->session) && int_claim(jwt, "exp", &claims->expires_at) &&
           claims->expires_at > now;
}

enum hum_status token_verify(const struct keys *keys, const char *token, int64_t now,
                             struct token_claims *ret_claims) {
    struct token_claims claims;
    jwt_t *jwt = NULL;

    if (strnlen(token, TOKEN_MAX + 1) > TOKEN_MAX) {
        return HUM_INVALID_TOKEN;
    }
    const struct key *key = key_of(keys, token);
    if (!key || jwt_decode(&jwt, token, key->bytes, KEY_LEN) != 0) {
        return HUM_INVALID_TOKEN;
    }
    bool ok = read_claims(jwt, now, &claims);
    jwt_free(jwt);
    if (!ok) {
        return HUM_INVALID_TOKEN;
    }
    *ret_claims = claims;
    return HUM_OK;
}
