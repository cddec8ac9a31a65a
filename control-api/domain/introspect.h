/* What a token is, for other systems that are shown one. */
#ifndef HUM_DOMAIN_INTROSPECT_H
#define HUM_DOMAIN_INTROSPECT_H

#include "domain/auth.h"

struct introspection {
    struct pg_result *rows; /* what the nickname belongs to; NULL: the token is good for nothing */
    struct token_claims claims;
    const char *audience;
    const char *type; /* "Bearer", or "mqtt": a password for CONNECT, and nothing else */
    struct str nickname;
};

/* Looks into a token of either kind, and its session up, every time. On HUM_OK free ret's rows.
 * HUM_UNAVAILABLE: the database cannot be asked. */
HUM_MUSTCHECK enum hum_status introspect(const struct auth *auth, struct lease *lease,
                                         struct str token, struct introspection *ret);

#endif
