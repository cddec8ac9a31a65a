/* What a provider publishes, as it is known here: its discovery document and its keys. Each is
 * asked for when it is first needed, by one thread for all, and kept for a while. What is older
 * than that goes on being used by those who do not ask, so that a provider that hangs holds up one
 * thread; where nothing is known, few wait, and not for long. */
#ifndef HUM_OAUTH_PUBLISHED_H
#define HUM_OAUTH_PUBLISHED_H

#include "oauth/exchange.h"

enum {
    PUBLISHED_KEPT_MS = 15 * 60 * 1000,
    /* How old it may get while a provider does not answer. */
    PUBLISHED_OLD_DISCOVERY_MS = 24 * 60 * 60 * 1000,
    PUBLISHED_OLD_KEYS_MS = 60 * 60 * 1000, /* one that was withdrawn should not do for long */
    PUBLISHED_WAIT_MS = 2000,               /* for another thread that asks */
    PUBLISHED_WAITERS_MAX = 8,
    PUBLISHED_FAILED_MS = 2000, /* after a failure nothing is asked for so long */
    PUBLISHED_NEW_KEYS_MS =
        30 * 1000 /* for a key that is not known, keys are asked for no oftener */
};

struct published;

HUM_MUSTCHECK enum hum_status published_new(struct published **ret_published);
/* NULL is fine. */
void published_free(struct published *published);

/* In both, HUM_UNAVAILABLE: it is not to be had. *ret_why is as in exchange.h, also with HUM_OK:
 * what is known is old, and could not be renewed. Any thread, up to the exchange's deadline. */
HUM_MUSTCHECK enum hum_status published_metadata(struct published *published,
                                                 const struct exchange *exchange,
                                                 struct metadata *ret_metadata,
                                                 const char **ret_why);
/* The key of an ID token, as id_token_key finds it; if need be, after asking for the keys again. */
HUM_MUSTCHECK enum hum_status published_key(struct published *published,
                                            const struct exchange *exchange,
                                            const struct metadata *metadata, const char *token,
                                            json_t **ret_key, const char **ret_why);

#endif
