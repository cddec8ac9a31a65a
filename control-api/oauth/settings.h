/* What the operator says of identity providers: the file HUM_OAUTH_FILE. */
#ifndef HUM_OAUTH_SETTINGS_H
#define HUM_OAUTH_SETTINGS_H

#include "oauth/provider.h"

enum {
    SETTINGS_FILE_MAX = 64 * 1024,
    SETTINGS_URL_MAX = 255,  /* of an issuer */
    SETTINGS_TEXT_MAX = 511, /* client id, secret, scopes */
    SETTINGS_REDIRECTS_MAX = 16,
};

enum provider_kind {
    PROVIDER_OIDC,   /* discovery, ID token */
    PROVIDER_GITHUB, /* OAuth 2.0 without either; an API says who it is */
};

struct provider_settings {
    char id[PROVIDER_ID_MAX + 1];
    enum provider_kind kind;
    char name[65];
    char issuer[SETTINGS_URL_MAX + 1]; /* no slash at its end unless the issuer has one */
    char client_id[SETTINGS_TEXT_MAX + 1];
    char client_secret[SETTINGS_TEXT_MAX + 1]; /* empty: a public client, PKCE alone */
    char scopes[SETTINGS_TEXT_MAX + 1];
    char *redirect_uris[SETTINGS_REDIRECTS_MAX]; /* owned */
    size_t redirect_count;
};

/* Reads the file into list. False: error says where it does not hold, in a line without a secret.
 */
HUM_MUSTCHECK bool settings_read(const char *path, bool allow_private,
                                 struct provider_settings list[PROVIDER_COUNT_MAX],
                                 size_t *ret_count, char *error, size_t error_size);
/* Wipes the secret and frees what the settings own. */
void settings_release(struct provider_settings *settings);

#endif
