/* GitHub, and GitHub Enterprise Server: OAuth 2.0 without discovery and ID tokens. An API says who
 * an access token speaks for. */
#ifndef HUM_OAUTH_GITHUB_H
#define HUM_OAUTH_GITHUB_H

#include "oauth/exchange.h"

/* Its addresses, which no document publishes. */
void github_metadata(const struct provider_settings *settings, struct metadata *ret_metadata);
/* Whom the access token speaks for. Of their addresses only the primary one counts, and only once
 * it is verified. As exchange_get. */
HUM_MUSTCHECK enum hum_status github_identity(const struct exchange *exchange,
                                              const char *access_token,
                                              struct identity *ret_identity, const char **ret_why);

#endif
