/* The way back from a provider: from what came back to who it is. */
#ifndef HUM_OAUTH_SIGN_IN_H
#define HUM_OAUTH_SIGN_IN_H

#include "oauth/published.h"

/* As provider_identity, for a grant whose texts have their form. *identity is empty before and may
 * hold anything after a failure; ret_why as in exchange.h. */
HUM_MUSTCHECK enum hum_status sign_in_run(const struct exchange *exchange,
                                          struct published *published,
                                          const struct provider_grant *grant,
                                          struct identity *identity, const char **ret_why);

#endif
