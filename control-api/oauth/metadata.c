#include "oauth/metadata.h"

#include <iddawc.h>
#include <stdio.h>

#include "oauth/fetch.h"

static const char *const alg_names[SIGN_ALG_COUNT] = {
    [SIGN_RS256] = "RS256", [SIGN_PS256] = "PS256", [SIGN_ES256] = "ES256", [SIGN_EDDSA] = "EdDSA"};

enum sign_alg metadata_alg(const char *name) {
    size_t i = 0;

    while (i < SIGN_ALG_COUNT && strcmp(alg_names[i], name) != 0) {
        i++;
    }
    return (enum sign_alg)i;
}

const char *metadata_alg_name(enum sign_alg alg) { return alg_names[alg]; }

static bool lists(const json_t *document, const char *member, const char *text) {
    const json_t *value;
    size_t i;

    json_array_foreach(json_object_get(document, member), i, value) {
        const char *item = json_string_value(value);

        if (item && strcmp(item, text) == 0) {
            return true;
        }
    }
    return false;
}

static unsigned algs_of(const json_t *document) {
    unsigned algs = 0;

    for (size_t i = 0; i < SIGN_ALG_COUNT; i++) {
        if (lists(document, "id_token_signing_alg_values_supported", alg_names[i])) {
            algs |= 1U << i;
        }
    }
    return algs;
}

/* What is not listed is client_secret_basic. False: neither of the two that are known here. */
static bool auth_of(const json_t *document, const struct provider_settings *settings,
                    enum client_auth *ret_auth) {
    static const char methods[] = "token_endpoint_auth_methods_supported";

    if (!settings->client_secret[0]) {
        *ret_auth = CLIENT_AUTH_NONE;
    } else if (!json_object_get(document, methods) ||
               lists(document, methods, "client_secret_basic")) {
        *ret_auth = CLIENT_AUTH_BASIC;
    } else if (lists(document, methods, "client_secret_post")) {
        *ret_auth = CLIENT_AUTH_POST;
    } else {
        return false;
    }
    return true;
}

static bool copy_url(const char *url, bool allow_private, char target[METADATA_URL_MAX]) {
    return url && fetch_url_ok(url, allow_private) &&
           snprintf(target, METADATA_URL_MAX, "%s", url) < METADATA_URL_MAX;
}

/* iddawc holds the document to what Discovery requires, but not to https, nor to the issuer that
 * was asked. */
static const char *read_session(struct _i_session *session, json_t *document,
                                const struct provider_settings *settings, bool allow_private,
                                struct metadata *metadata) {
    const char *userinfo;

    if (i_set_server_configuration(session, document) != I_OK) {
        return "its discovery document lacks what it must have";
    }
    if (strcmp(i_get_str_parameter(session, I_OPT_ISSUER), settings->issuer) != 0) {
        return "its discovery document is of another issuer";
    }
    if (!copy_url(i_get_str_parameter(session, I_OPT_AUTH_ENDPOINT), allow_private,
                  metadata->authorization_endpoint) ||
        !copy_url(i_get_str_parameter(session, I_OPT_TOKEN_ENDPOINT), allow_private,
                  metadata->token_endpoint) ||
        !copy_url(json_string_value(json_object_get(document, "jwks_uri")), allow_private,
                  metadata->jwks_uri)) {
        return "an address in its discovery document is not https";
    }
    userinfo = i_get_str_parameter(session, I_OPT_USERINFO_ENDPOINT);
    if (userinfo && !copy_url(userinfo, allow_private, metadata->userinfo_endpoint)) {
        return "an address in its discovery document is not https";
    }
    return NULL;
}

static const char *read_document(json_t *document, const struct provider_settings *settings,
                                 bool allow_private, struct metadata *metadata) {
    struct _i_session session;
    const char *why;

    if (i_init_session(&session) != I_OK) {
        return "no memory";
    }
    why = read_session(&session, document, settings, allow_private, metadata);
    i_clean_session(&session);
    if (why) {
        return why;
    }
    metadata->algs = algs_of(document);
    metadata->names_itself =
        json_is_true(json_object_get(document, "authorization_response_iss_parameter_supported"));
    if (metadata->algs == 0) {
        return "it signs with no algorithm that is believed";
    }
    if (!auth_of(document, settings, &metadata->auth)) {
        return "it takes client secrets in no way that is known";
    }
    if (json_object_get(document, "code_challenge_methods_supported") &&
        !lists(document, "code_challenge_methods_supported", "S256")) {
        return "it does not do PKCE with S256";
    }
    return NULL;
}

bool metadata_parse(const struct provider_settings *settings, bool allow_private, json_t *document,
                    struct metadata *ret_metadata, const char **ret_why) {
    struct metadata metadata = {0};
    const char *why = "its discovery document is no JSON object";

    if (json_is_object(document)) {
        why = read_document(document, settings, allow_private, &metadata);
    }
    if (why) {
        *ret_why = why;
        return false;
    }
    *ret_metadata = metadata;
    return true;
}
