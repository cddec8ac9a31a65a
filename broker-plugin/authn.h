/* Whether a CONNECT may come in. Pure but for the clock, which is given. */
#ifndef HUM_AUTHN_H
#define HUM_AUTHN_H

#include "token.h"

enum { KEEPALIVE_MAX_S = 900, CLIENT_SUFFIX_MAX = 32 };

struct authn_request {
    const char *client_id; /* NULL: none */
    const char *username;
    const char *password;
    int protocol_version; /* 3, 4 (MQTT 3.1.1) or 5 */
    bool clean;           /* clean session, clean start */
    int keepalive;        /* seconds */
};

/* HUM_OK and the claims; else HUM_UNAUTHORIZED, and ret_reason is a constant text for the log. now:
 * seconds since 1970. */
HUM_MUSTCHECK enum hum_status authn_check(const struct keys *keys,
                                          const struct authn_request *request, int64_t now,
                                          struct token_claims *ret_claims, const char **ret_reason);

#endif
