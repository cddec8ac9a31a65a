/* Sessions as devices: which there are, and how they end. */
#ifndef HUM_DOMAIN_SESSIONS_H
#define HUM_DOMAIN_SESSIONS_H

#include "domain/auth.h"
#include "store/sessions.h"

enum { SESSIONS_MAX = 100 }; /* of a person */

/* Within a transaction: ends a session, with an event of this kind, and tells the broker. After the
 * transaction, whatever came of it, call verified_revoke. *ret_ended is false when it had ended, or
 * is not this user's. */
HUM_MUSTCHECK enum pg_outcome sessions_revoke(struct pg *pg, const char *kind, int64_t user,
                                              int64_t session, bool *ret_ended);
/* Within a transaction: ends all sessions of a user but one (0: all of them), with their events
 * (SessionRevoked), and tells the broker. After the transaction, whatever came of it, call
 * verified_revoke_user: the commit may have gone through before the connection broke. Whoever ends
 * sessions since a password has changed changes it first, in the same transaction: a sign-in that
 * is under way with the old one then either is seen here or fails. */
HUM_MUSTCHECK enum pg_outcome sessions_end_all(struct pg *pg, int64_t user, int64_t except);

/* Within a transaction that has signed somebody in, at its end: SESSIONS_MAX of their devices stay
 * signed in; those that were seen longest ago are not. After the transaction, whatever came of it,
 * call verified_revoke_user if *ret_ended. */
HUM_MUSTCHECK enum pg_outcome sessions_end_surplus(struct pg *pg, int64_t user, bool *ret_ended);

/* As store_sessions_list. */
HUM_MUSTCHECK enum hum_status sessions_list(struct pg *pg, int64_t user, int64_t after, int limit,
                                            struct pg_result **ret_rows);
/* Ends a session of the user's; it may be the caller's own. HUM_NOT_FOUND: none of theirs lives by
 * this id. Event SessionRevoked. */
HUM_MUSTCHECK enum hum_status sessions_end(const struct auth *auth, struct lease *lease,
                                           int64_t user, int64_t session);
/* Writes down that these were in use just now. */
HUM_MUSTCHECK enum hum_status sessions_seen(struct pg *pg, const int64_t *sessions, size_t count);

#endif
