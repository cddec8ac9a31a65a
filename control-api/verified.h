/* A bounded memory of access tokens that have been verified, and of when their sessions were last
 * seen alive in the database, so that most requests need neither a signature check nor a query; and
 * of those whose sessions have ended, which none comes back from.
 *
 * A session that is revoked by this process is forgotten at once, also by a check that is under
 * way. One that something else revokes is noticed within VERIFIED_ALIVE_MS. Any thread. */
#ifndef HUM_VERIFIED_H
#define HUM_VERIFIED_H

#include "token.h"

enum {
    VERIFIED_SLOTS = 4096,    /* tokens; a new one takes the place of an older */
    VERIFIED_ALIVE_MS = 1000, /* how long a look into the database is believed */
};

struct verified;

HUM_MUSTCHECK enum hum_status verified_new(struct verified **ret_verified);
/* NULL is fine. */
void verified_free(struct verified *verified);

enum verified_state {
    VERIFIED_UNKNOWN, /* the signature is to be checked, and the session */
    VERIFIED_TOKEN,   /* the token is genuine; whether its session lives is to be looked up */
    VERIFIED_ALIVE,   /* all is known */
    VERIFIED_DEAD,    /* all is known: the token is genuine, and its session has ended */
};

/* What is known about a token; ret_claims unless VERIFIED_UNKNOWN. An expired one is unknown.
 * ret_mark: for verified_put. now_ms: since 1970. */
enum verified_state verified_get(struct verified *verified, struct str token, int64_t now_ms,
                                 struct token_claims *ret_claims, uint64_t *ret_mark);
/* Keeps a token whose session was just found alive; nothing if a session was revoked since mark. */
void verified_put(struct verified *verified, struct str token, const struct token_claims *claims,
                  int64_t now_ms, uint64_t mark);
/* Keeps a token whose session was just found to have ended, where no living one has to go for it.
 */
void verified_put_dead(struct verified *verified, struct str token,
                       const struct token_claims *claims, int64_t now_ms);
/* Forgets all tokens of a session. Call it after the revocation is committed. */
void verified_revoke(struct verified *verified, int64_t session);
/* The same for all tokens of a user. */
void verified_revoke_user(struct verified *verified, int64_t user);
/* Forgets all: what a key has signed that is no more is to be looked at again. */
void verified_forget_all(struct verified *verified);

#endif
