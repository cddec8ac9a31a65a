/* API tokens: JWTs signed with ES256 (RFC 7519, RFC 7518), through rhonabwy, so that others can
 * verify them by the public keys alone. The keys are files {kid}.jwk in a folder; the greatest kid
 * signs. */
#ifndef HUM_TOKENS_H
#define HUM_TOKENS_H

#include "token.h"

enum { TOKENS_LIFE_S = 900 };

struct tokens;

/* Reads a folder of keys. HUM_NOT_FOUND: no folder or no key in it; HUM_INVALID_REQUEST: something
 * that is no private ES256 key, or more than KEY_MAX. Touches the file system. */
HUM_MUSTCHECK enum hum_status tokens_open(const char *folder, struct tokens **ret_tokens);
/* NULL is fine. */
void tokens_close(struct tokens *tokens);
/* Makes a folder (0700) with one new key (0600) unless it holds a key already. HUM_INTERNAL: errno
 * tells. */
HUM_MUSTCHECK enum hum_status tokens_ensure(const char *folder);

/* As keys_prune and keys_add. One that is added signs as soon as the folder is read. */
HUM_MUSTCHECK enum hum_status tokens_prune(const char *folder, int64_t life_s);
HUM_MUSTCHECK enum hum_status tokens_add(const char *folder, char ret_kid[KID_MAX + 1]);

/* The kid of the key that signs. Any thread, as all below. */
const char *tokens_kid(const struct tokens *tokens);
/* The public keys as a JSON Web Key Set (RFC 7517). Any thread. */
const char *tokens_jwks(const struct tokens *tokens);
/* Signs a token; freed by the caller with free(). HUM_INTERNAL: no memory. Any thread; some 100 µs.
 */
HUM_MUSTCHECK enum hum_status tokens_issue(const struct tokens *tokens,
                                           const struct token_claims *claims, int64_t issued_at,
                                           char **ret_token);
/* Checks signature, algorithm, kid, issuer, audience and expiry (now: seconds since 1970). Whatever
 * is wrong is HUM_INVALID_TOKEN; ret_claims is then untouched. Any thread; some 100 µs: see
 * verified.h. */
HUM_MUSTCHECK enum hum_status tokens_verify(const struct tokens *tokens, struct str token,
                                            int64_t now, struct token_claims *ret_claims);

#endif
