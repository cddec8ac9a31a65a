/* MQTT tokens: JWTs signed with HS256 (RFC 7519), through libjwt. API tokens are the control API's
 * business: another algorithm, another library. */
#ifndef HUM_TOKEN_H
#define HUM_TOKEN_H

#include "keys.h"

#define TOKEN_ISSUER "hum"
#define TOKEN_AUDIENCE_MQTT "hum-mqtt"
#define TOKEN_AUDIENCE_API "hum-api"

enum {
    TOKEN_MQTT_LIFE_S = 30 * 24 * 3600,
    TOKEN_MAX = 1024, /* bytes; libjwt copies a token on the stack */
};

struct token_claims {
    int64_t user;
    int64_t session;
    int64_t expires_at; /* seconds since 1970 */
    int64_t issued_at;  /* the same; of a token that was verified, 0 when it does not say */
};

/* Signs a token with the newest key. ret_token: freed by the caller with free(). HUM_INTERNAL: no
 * memory. Any thread. */
HUM_MUSTCHECK enum hum_status token_issue(const struct keys *keys,
                                          const struct token_claims *claims, int64_t issued_at,
                                          char **ret_token);

/* Checks signature, algorithm, kid, issuer, audience and expiry (now: seconds since 1970) and reads
 * the claims. Whatever is wrong is HUM_INVALID_TOKEN; ret_claims is then untouched. Any thread;
 * about 10 µs, no file system. */
HUM_MUSTCHECK enum hum_status token_verify(const struct keys *keys, const char *token, int64_t now,
                                           struct token_claims *ret_claims);

#endif
