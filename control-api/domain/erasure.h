/* The end of an account: what was personal goes, what was said to others stays, without a name. */
#ifndef HUM_DOMAIN_ERASURE_H
#define HUM_DOMAIN_ERASURE_H

#include "domain/auth.h"

/* Erases the account of a signed-in user who knows its password, or, where it has none, has signed
 * in within the last 5 minutes (else HUM_FORBIDDEN). password .len 0: none was given, which is
 * HUM_INVALID_REQUEST where there is one. HUM_INVALID_CREDENTIALS: it is another;
 * HUM_UNAUTHORIZED: the session has ended, maybe with the account. Event UserErased; friends are
 * told, the broker too, and the rest goes by a job. The lease is given back while the password is
 * tried. */
HUM_MUSTCHECK enum hum_status erasure_run(const struct auth *auth, struct lease *lease,
                                          int64_t user, int64_t session, struct str password);

#endif
