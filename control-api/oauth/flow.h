/* The way through a browser to a provider and back, with nothing of it kept here on the way.
 *
 * The browser holds a secret, in a cookie that no script can read. The state that goes to the
 * provider and comes back is authenticated with it, so that it is good in this browser alone, for
 * this provider and for a while; the nonce and the code verifier are computed from both, so that
 * who knows the state alone can compute neither. The state also carries the client's own challenge
 * (RFC 7636): what comes out at the end is for who has the verifier of that.
 *
 *   state = base64url( 1 | expiry 4 | random 16 | challenge 32 | HMAC-SHA-256(secret, …) )
 *
 * Pure, but for the randomness. */
#ifndef HUM_OAUTH_FLOW_H
#define HUM_OAUTH_FLOW_H

#include "status.h"
#include "str.h"

enum {
    FLOW_SECRET_LEN = 32,
    FLOW_DIGEST_LEN = 32, /* SHA-256 */
    FLOW_TEXT_MAX = 44,   /* base64url of 32 bytes, with its NUL */
    FLOW_STATE_MAX = 116, /* a state with its NUL */
};

struct flow_secret {
    unsigned char bytes[FLOW_SECRET_LEN];
};

struct flow {
    char state[FLOW_STATE_MAX];
    char nonce[FLOW_TEXT_MAX];
    char verifier[FLOW_TEXT_MAX];
    char challenge[FLOW_TEXT_MAX];                   /* of verifier: S256 */
    unsigned char client_challenge[FLOW_DIGEST_LEN]; /* the client's own */
};

/* base64url of 32 bytes, and back; false: it is not that. Any thread. */
void flow_text(const unsigned char bytes[FLOW_DIGEST_LEN], char ret_text[FLOW_TEXT_MAX]);
HUM_MUSTCHECK bool flow_bytes(struct str text, unsigned char ret_bytes[FLOW_DIGEST_LEN]);

/* The secret of a cookie's value; a new one when it is none of ours. Any thread. */
void flow_secret(struct str cookie, struct flow_secret *ret_secret);

/* Begins a way to a provider that may take until expires_at (seconds since 1970). Any thread. */
void flow_begin(const struct flow_secret *secret, struct str provider,
                const unsigned char client_challenge[FLOW_DIGEST_LEN], int64_t expires_at,
                struct flow *ret_flow);
/* The way that a state belongs to; false: it has not begun in this browser, or for another
 * provider, or it has taken too long. In constant time. Any thread. */
HUM_MUSTCHECK bool flow_resume(const struct flow_secret *secret, struct str provider,
                               struct str state, int64_t now, struct flow *ret_flow);

/* Whether a text is the verifier (RFC 7636, section 4.1) of a challenge. Any thread. */
HUM_MUSTCHECK bool flow_verifies(struct str verifier,
                                 const unsigned char challenge[FLOW_DIGEST_LEN]);

#endif
