#include "oauth/id_token.h"

#include <rhonabwy.h>
#include <sodium.h>
#include <stdlib.h>
#include <strings.h>

enum {
    SUBJECT_MAX = 255, /* OpenID Connect Core 1.0, section 2 */
    KID_TEXT_MAX = 256,
    MODULUS_MIN = 342,  /* base64url of 2,048 bits */
    MODULUS_MAX = 1366, /* of 8,192: more takes long to check */
    EXPONENT_MAX = 8,
    COORDINATE_LEN = 43, /* of 32 bytes */
};

/* What a key must be for an algorithm. */
struct key_type {
    const char *kty, *crv;
    const char *members[3]; /* that make the public key */
    jwa_alg alg;
};

static const struct key_type key_types[SIGN_ALG_COUNT] = {
    [SIGN_RS256] = {"RSA", NULL, {"n", "e"}, R_JWA_ALG_RS256},
    [SIGN_PS256] = {"RSA", NULL, {"n", "e"}, R_JWA_ALG_PS256},
    [SIGN_ES256] = {"EC", "P-256", {"crv", "x", "y"}, R_JWA_ALG_ES256},
    [SIGN_EDDSA] = {"OKP", "Ed25519", {"crv", "x"}, R_JWA_ALG_EDDSA},
};

/* One of the parts between the dots, as a JSON object; NULL if it is none. */
static json_t *part_json(const char *part, size_t len) {
    unsigned char *bytes = malloc(len + 1);
    size_t used = 0;
    json_t *object = NULL;

    if (bytes && sodium_base642bin(bytes, len, part, len, NULL, &used, NULL,
                                   sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0) {
        object = json_loadb((const char *)bytes, used, JSON_REJECT_DUPLICATES, NULL);
    }
    free(bytes);
    if (!json_is_object(object)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* Header and claims of a token of three parts. False: it is none. */
static bool split(const char *token, struct str *ret_header, struct str *ret_claims) {
    const char *first = strchr(token, '.');
    const char *second = first ? strchr(first + 1, '.') : NULL;

    if (strlen(token) > ID_TOKEN_MAX || !second || strchr(second + 1, '.')) {
        return false;
    }
    *ret_header = (struct str){token, (size_t)(first - token)};
    *ret_claims = (struct str){first + 1, (size_t)(second - first - 1)};
    return true;
}

/* A text never holds a NUL: the parser refuses it. */
static const char *text_of(const json_t *object, const char *member) {
    return json_string_value(json_object_get(object, member));
}

static bool text_is(const json_t *object, const char *member, const char *expected) {
    const char *text = text_of(object, member);

    return text && strcmp(text, expected) == 0;
}

/* RFC 8725, section 3.11: a token that says to be something else is something else. */
static bool typ_ok(const json_t *header) {
    const char *typ = text_of(header, "typ");

    return typ ? strcasecmp(typ, "JWT") == 0 : !json_object_get(header, "typ");
}

static const char *check_header(const json_t *header, unsigned algs, enum sign_alg *ret_alg) {
    const char *name = text_of(header, "alg");
    const char *kid = text_of(header, "kid");
    enum sign_alg alg = name ? metadata_alg(name) : SIGN_ALG_COUNT;

    if (alg == SIGN_ALG_COUNT || !(algs & 1U << alg)) {
        return "the ID token's alg is not one of the provider's that are believed";
    }
    if (!typ_ok(header) || json_object_get(header, "crit")) {
        return "the ID token's header says that it is something else";
    }
    if (json_object_get(header, "kid") && (!kid || strlen(kid) > KID_TEXT_MAX)) {
        return "the ID token's kid is no text that fits";
    }
    *ret_alg = alg;
    return NULL;
}

static bool length_within(const json_t *key, const char *member, size_t min, size_t max) {
    const char *text = text_of(key, member);

    return text && strlen(text) >= min && strlen(text) <= max;
}

/* Whether a key of the set may check signatures of this kind. */
static bool key_fits(const json_t *key, enum sign_alg alg) {
    const struct key_type *type = &key_types[alg];

    if (!text_is(key, "kty", type->kty) || (type->crv && !text_is(key, "crv", type->crv)) ||
        (json_object_get(key, "use") && !text_is(key, "use", "sig")) ||
        (json_object_get(key, "alg") && !text_is(key, "alg", metadata_alg_name(alg)))) {
        return false;
    }
    if (!type->crv) {
        return length_within(key, "n", MODULUS_MIN, MODULUS_MAX) &&
               length_within(key, "e", 1, EXPONENT_MAX);
    }
    return length_within(key, "x", COORDINATE_LEN, COORDINATE_LEN) &&
           (alg == SIGN_EDDSA || length_within(key, "y", COORDINATE_LEN, COORDINATE_LEN));
}

static json_t *public_members(const json_t *key, enum sign_alg alg) {
    const struct key_type *type = &key_types[alg];
    json_t *copy = json_pack("{s:s}", "kty", type->kty);

    for (size_t i = 0; i < 3 && type->members[i]; i++) {
        if (json_object_set_new(copy, type->members[i],
                                json_string(text_of(key, type->members[i]))) != 0) {
            json_decref(copy);
            return NULL;
        }
    }
    return copy;
}

static json_t *pick_key(const json_t *key_set, const char *kid, enum sign_alg alg) {
    const json_t *key, *found = NULL;
    size_t i, count = 0;

    json_array_foreach(json_object_get(key_set, "keys"), i, key) {
        if (key_fits(key, alg) && (!kid || text_is(key, "kid", kid))) {
            found = key;
            count++;
        }
    }
    return count == 1 ? public_members(found, alg) : NULL;
}

enum hum_status id_token_key(const char *token, const json_t *key_set, unsigned algs,
                             json_t **ret_key, const char **ret_why) {
    struct str header_part, claims_part;
    enum sign_alg alg = SIGN_ALG_COUNT;
    json_t *header = NULL, *key;

    if (!split(token, &header_part, &claims_part) ||
        !(header = part_json(header_part.data, header_part.len))) {
        *ret_why = "the ID token is no signed JWT";
        return HUM_INVALID_TOKEN;
    }
    if ((*ret_why = check_header(header, algs, &alg))) {
        json_decref(header);
        return HUM_INVALID_TOKEN;
    }
    key = pick_key(key_set, text_of(header, "kid"), alg);
    json_decref(header);
    if (!key) {
        *ret_why = "the ID token is signed with a key that the provider does not publish";
        return HUM_NOT_FOUND;
    }
    *ret_key = key;
    return HUM_OK;
}

/* The key alone is believed: what the header brings along or points to is not looked at. */
static bool signature_holds(const char *token, const json_t *key, unsigned algs) {
    jwt_t *jwt = NULL;
    jwk_t *jwk = NULL;
    json_t *copy = json_deep_copy(key);
    bool ok = false;

    if (copy && r_jwt_init(&jwt) == RHN_OK && r_jwk_init(&jwk) == RHN_OK &&
        r_jwk_import_from_json_t(jwk, copy) == RHN_OK &&
        r_jwt_advanced_parse(jwt, token, R_PARSE_NONE, R_FLAG_IGNORE_REMOTE) == RHN_OK &&
        r_jwt_get_type(jwt) == R_JWT_TYPE_SIGN) {
        for (size_t i = 0; i < SIGN_ALG_COUNT; i++) {
            ok = ok || ((algs & 1U << i) && r_jwt_get_sign_alg(jwt) == key_types[i].alg);
        }
        ok = ok && r_jwt_verify_signature(jwt, jwk, R_FLAG_IGNORE_REMOTE) == RHN_OK;
    }
    r_jwt_free(jwt);
    r_jwk_free(jwk);
    json_decref(copy);
    return ok;
}

/* Whether aud holds the client, and azp is the client where it must be or is there. */
static const char *check_audience(const json_t *claims, const char *client_id) {
    const json_t *aud = json_object_get(claims, "aud"), *value;
    bool found = text_is(claims, "aud", client_id);
    size_t i;

    json_array_foreach(aud, i, value) {
        found =
            found || (json_is_string(value) && strcmp(json_string_value(value), client_id) == 0);
    }
    if (!found) {
        return "the ID token's aud is another client";
    }
    if ((json_object_get(claims, "azp") || json_array_size(aud) > 1) &&
        !text_is(claims, "azp", client_id)) {
        return "the ID token's azp is another client";
    }
    return NULL;
}

static bool seconds(const json_t *claims, const char *member, int64_t *ret_value) {
    const json_t *value = json_object_get(claims, member);

    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *ret_value = json_integer_value(value);
    return true;
}

static const char *check_times(const json_t *claims, int64_t now) {
    int64_t expires = 0, issued = 0, from = 0;

    if (!seconds(claims, "exp", &expires) || expires <= now - ID_TOKEN_LEEWAY_S) {
        return "the ID token has expired, or does not say when it does";
    }
    if (!seconds(claims, "iat", &issued) || issued > now + ID_TOKEN_LEEWAY_S) {
        return "the ID token is of later than now, or does not say of when";
    }
    if (json_object_get(claims, "nbf") &&
        (!seconds(claims, "nbf", &from) || from > now + ID_TOKEN_LEEWAY_S)) {
        return "the ID token does not hold yet";
    }
    return NULL;
}

/* The left half of the hash, which is the one of the signature's algorithm. */
static bool at_hash_fits(const char *at_hash, const char *access_token, bool is_eddsa) {
    unsigned char hash[crypto_hash_sha512_BYTES];
    char text[sodium_base64_ENCODED_LEN(crypto_hash_sha512_BYTES / 2,
                                        sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    const unsigned char *bytes = (const unsigned char *)access_token;
    size_t half = (is_eddsa ? crypto_hash_sha512_BYTES : crypto_hash_sha256_BYTES) / 2;

    if (is_eddsa) {
        crypto_hash_sha512(hash, bytes, strlen(access_token));
    } else {
        crypto_hash_sha256(hash, bytes, strlen(access_token));
    }
    sodium_bin2base64(text, sizeof text, hash, half, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return strcmp(text, at_hash) == 0;
}

static const char *check_bindings(const json_t *claims, const json_t *key,
                                  const struct id_token_rules *rules) {
    const json_t *nonce = json_object_get(claims, "nonce");
    const json_t *at_hash = json_object_get(claims, "at_hash");

    if (rules->nonce ? !text_is(claims, "nonce", rules->nonce) : nonce != NULL) {
        return "the ID token's nonce is not the one of this sign-in";
    }
    if (at_hash && (!text_of(claims, "at_hash") || !rules->access_token ||
                    !at_hash_fits(text_of(claims, "at_hash"), rules->access_token,
                                  text_is(key, "kty", key_types[SIGN_EDDSA].kty)))) {
        return "the ID token's at_hash is of another access token";
    }
    return NULL;
}

/* It is compared byte for byte and goes into lists that people read. */
static bool is_subject(const char *text) {
    size_t len = 0;

    while ((unsigned char)text[len] >= ' ' && text[len] != '\x7f') {
        len++;
    }
    return text[len] == '\0' && len >= 1 && len <= SUBJECT_MAX;
}

static const char *check_claims(const json_t *claims, const json_t *key,
                                const struct id_token_rules *rules) {
    const char *subject = text_of(claims, "sub");
    const char *why;

    if (!text_is(claims, "iss", rules->issuer)) {
        return "the ID token's iss is another issuer";
    }
    if (!subject || !is_subject(subject)) {
        return "the ID token's sub is no text that fits";
    }
    if ((why = check_audience(claims, rules->client_id)) ||
        (why = check_times(claims, rules->now))) {
        return why;
    }
    return check_bindings(claims, key, rules);
}

enum hum_status id_token_verify(const char *token, const json_t *key,
                                const struct id_token_rules *rules, json_t **ret_claims,
                                const char **ret_why) {
    struct str header, part;
    json_t *claims;

    if (!split(token, &header, &part) || !signature_holds(token, key, rules->algs)) {
        *ret_why = "the ID token's signature does not hold";
        return HUM_INVALID_TOKEN;
    }
    claims = part_json(part.data, part.len);
    *ret_why =
        claims ? check_claims(claims, key, rules) : "the ID token's claims are no JSON object";
    if (*ret_why) {
        json_decref(claims);
        return HUM_INVALID_TOKEN;
    }
    *ret_claims = claims;
    return HUM_OK;
}
