/* What is asked of a provider once somebody has come back from it: tokens for a code, and who that
 * is. Each is one request of fetch.h. */
#ifndef HUM_OAUTH_EXCHANGE_H
#define HUM_OAUTH_EXCHANGE_H

#include <jansson.h>

#include "oauth/metadata.h"

/* Who asks, and until when. */
struct exchange {
    const struct provider_settings *settings;
    bool allow_private;
    int64_t deadline_ms; /* of fetch_now */
};

/* In all of these *ret_why is a text of the program, without a secret: what the operator should
 * know; NULL: nothing, as anybody can bring it about. */

/* Asks a URL for a JSON document (of any kind; new). HUM_UNAVAILABLE: no answer, or none of use;
 * HUM_FORBIDDEN: 401, 403 or 404. bearer may be NULL. */
HUM_MUSTCHECK enum hum_status exchange_get(const struct exchange *exchange, const char *url,
                                           const char *bearer, json_t **ret_document,
                                           const char **ret_why);
/* Swaps the code at the token endpoint (RFC 6749, section 4.1.3; RFC 7636, section 4.5). ret_answer
 * is a new object that has an access_token, of type Bearer. HUM_INVALID_GRANT: the code is refused;
 * HUM_UNAVAILABLE: no answer, or we are. */
HUM_MUSTCHECK enum hum_status exchange_code(const struct exchange *exchange, const char *endpoint,
                                            enum client_auth auth,
                                            const struct provider_grant *grant, json_t **ret_answer,
                                            const char **ret_why);

#endif
