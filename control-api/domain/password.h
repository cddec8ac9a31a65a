/* The password of an account that somebody is signed in to. */
#ifndef HUM_DOMAIN_PASSWORD_H
#define HUM_DOMAIN_PASSWORD_H

#include "domain/auth.h"

/* Whether it is the person who asks: by the password, or, where the account has none, by a sign-in
 * within the last 5 minutes (else HUM_FORBIDDEN). password .len 0: none was given, which is
 * HUM_INVALID_REQUEST where there is one. HUM_INVALID_CREDENTIALS: it is another; HUM_UNAUTHORIZED:
 * the session has ended. ret_hash: the hash that was found, "" for none. The lease is given back.
 */
HUM_MUSTCHECK enum hum_status password_prove(const struct auth *auth, struct lease *lease,
                                             int64_t user, int64_t session, struct str password,
                                             char ret_hash[PASSWORD_HASH_MAX]);
/* Gives the account another password, or its first, and ends all its sessions but this one. old as
 * password_prove's. HUM_INVALID_CREDENTIALS also when somebody else was just ahead. Events
 * PasswordChanged, SessionRevoked. The lease is given back while the passwords are hashed. */
HUM_MUSTCHECK enum hum_status password_change(const struct auth *auth, struct lease *lease,
                                              int64_t user, int64_t session, struct str old,
                                              struct str wanted);

#endif
