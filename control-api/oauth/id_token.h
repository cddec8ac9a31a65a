/* ID tokens (OpenID Connect Core 1.0, section 3.1.3.7) and the keys that they are checked with.
 *
 * rhonabwy checks the signature, with a key that is picked here. iddawc's own check is left aside:
 * it takes any aud and azp, skips an empty nonce, allows no difference of clocks, and hashes
 * at_hash of EdDSA with another function than its issuers. */
#ifndef HUM_OAUTH_ID_TOKEN_H
#define HUM_OAUTH_ID_TOKEN_H

#include <jansson.h>

#include "oauth/metadata.h"

enum {
    ID_TOKEN_MAX = 16 * 1024,
    ID_TOKEN_LEEWAY_S = 60, /* what the provider's clock may differ */
};

/* What a token has to fit. */
struct id_token_rules {
    const char *issuer;
    const char *client_id;
    const char *nonce;        /* NULL: it must have none */
    const char *access_token; /* for at_hash; NULL: none came */
    unsigned algs;            /* bits of sign_alg */
    int64_t now;              /* seconds since 1970 */
};

/* Finds the public key of a token in a JSON Web Key Set (a JSON object): by the kid of its header;
 * without one, the only key that fits its algorithm. ret_key is new, of the members that make the
 * key and nothing else, so that nothing is fetched for it. HUM_NOT_FOUND: no such key (a newer set
 * may have it); HUM_INVALID_TOKEN: the token's header is not acceptable. Any thread. */
HUM_MUSTCHECK enum hum_status id_token_key(const char *token, const json_t *key_set, unsigned algs,
                                           json_t **ret_key, const char **ret_why);
/* Checks signature and claims. ret_claims is a new JSON object. HUM_INVALID_TOKEN: ret_why says
 * what does not hold, with a text of the program. Any thread. */
HUM_MUSTCHECK enum hum_status id_token_verify(const char *token, const json_t *key,
                                              const struct id_token_rules *rules,
                                              json_t **ret_claims, const char **ret_why);

#endif
