/* What a provider publishes of itself (OpenID Connect Discovery 1.0), as far as it is used here. */
#ifndef HUM_OAUTH_METADATA_H
#define HUM_OAUTH_METADATA_H

#include <jansson.h>

#include "oauth/settings.h"

enum { METADATA_URL_MAX = 1024 };

/* Signatures that are believed. Never "none", never one with a shared secret: the public key would
 * be the secret. */
enum sign_alg { SIGN_RS256, SIGN_PS256, SIGN_ES256, SIGN_EDDSA, SIGN_ALG_COUNT };

/* How the client shows who it is at the token endpoint. */
enum client_auth { CLIENT_AUTH_NONE, CLIENT_AUTH_BASIC, CLIENT_AUTH_POST };

struct metadata {
    char authorization_endpoint[METADATA_URL_MAX];
    char token_endpoint[METADATA_URL_MAX];
    char jwks_uri[METADATA_URL_MAX];
    char userinfo_endpoint[METADATA_URL_MAX]; /* empty: none */
    unsigned algs;                            /* bits of sign_alg */
    enum client_auth auth;
    bool names_itself; /* its answers carry iss (RFC 9207) */
};

/* The alg of a token's header; SIGN_ALG_COUNT: none that is believed. */
enum sign_alg metadata_alg(const char *name);
const char *metadata_alg_name(enum sign_alg alg);

/* Reads a discovery document (of any kind of JSON). False: ret_why is a text of the program. Any
 * thread. */
HUM_MUSTCHECK bool metadata_parse(const struct provider_settings *settings, bool allow_private,
                                  json_t *document, struct metadata *ret_metadata,
                                  const char **ret_why);

#endif
