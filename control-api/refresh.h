/* Refresh tokens. Nothing that can be turned into one is stored: a token is computed from the
 * session's random seed, which the database holds, with a key that it does not hold.
 *
 *   base64url( 1 | mark 4 | session 8 | generation 4 | HMAC-SHA-256(key, all before | seed) )
 *
 * mark tells the keys of a folder apart: the first bytes of the SHA-256 of the kid. Pure. */
#ifndef HUM_REFRESH_H
#define HUM_REFRESH_H

#include "keys.h"

enum {
    REFRESH_SEED_LEN = 32,
    REFRESH_TEXT_MAX = 80, /* bytes of a token with its NUL */
};

struct refresh {
    unsigned char head[17]; /* as in the token */
    unsigned char mac[32];
    int64_t session;
    int32_t generation;
};

/* Writes the token of a session's generation, with the newest key. Any thread. */
void refresh_make(const struct keys *keys, int64_t session, int32_t generation,
                  const unsigned char seed[REFRESH_SEED_LEN], char ret_text[REFRESH_TEXT_MAX]);
/* Takes a token apart. False: it cannot be one of ours. What it says is not to be believed before
 * refresh_genuine. Any thread. */
bool refresh_parse(struct str text, struct refresh *ret_refresh);
/* Whether the token was made here, for a session with this seed; in constant time. Any thread. */
bool refresh_genuine(const struct keys *keys, const struct refresh *refresh,
                     const unsigned char seed[REFRESH_SEED_LEN]);

enum refresh_verdict {
    REFRESH_NEXT,   /* the latest generation: the next one follows */
    REFRESH_AGAIN,  /* the one before: the latest is given once more, for its answer may be lost */
    REFRESH_STOLEN, /* older: its successor has been used. Somebody else has it: end the session */
    REFRESH_BAD,    /* never issued */
};

/* What becomes of a genuine token, given the latest generation that was issued. */
enum refresh_verdict refresh_judge(int32_t presented, int32_t latest);

#endif
