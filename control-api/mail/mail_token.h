/* The tokens in the links of mails. Nothing that can be turned into one is stored: a token is
 * computed from a random seed, which the database holds, with a key that it does not hold.
 *
 *   base64url( id 8 | HMAC-SHA-256(key, id 8 | purpose 1 | seed 32) )
 *
 * Pure. */
#ifndef HUM_MAIL_TOKEN_H
#define HUM_MAIL_TOKEN_H

#include "keys.h"
#include "mail/mail.h"

enum {
    MAIL_SEED_LEN = 32,
    MAIL_TOKEN_MAX = 56, /* bytes of a token with its NUL */
};

struct mail_token {
    int64_t id;
    unsigned char mac[32];
};

/* Writes a token, with the newest key. Any thread. */
void mail_token_make(const struct keys *keys, int64_t id, enum mail_purpose purpose,
                     const unsigned char seed[MAIL_SEED_LEN], char ret_text[MAIL_TOKEN_MAX]);
/* Takes a token apart. False: it cannot be one of ours. What it says is not to be believed before
 * mail_token_genuine. Any thread. */
bool mail_token_parse(struct str text, struct mail_token *ret_token);
/* Whether it was made here, with any of the keys, for this purpose and seed; in constant time. Any
 * thread. */
bool mail_token_genuine(const struct keys *keys, const struct mail_token *token,
                        enum mail_purpose purpose, const unsigned char seed[MAIL_SEED_LEN]);

#endif
