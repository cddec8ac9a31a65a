/* A new password for who has lost theirs, by the link of a mail. */
#ifndef HUM_DOMAIN_RECOVERY_H
#define HUM_DOMAIN_RECOVERY_H

#include "domain/auth.h"
#include "domain/links.h"

/* Sets the password of the account that a link is for, ends all its sessions, and marks its address
 * as verified, which the link has come by; if it was not before, the account's identities at other
 * providers go. HUM_INVALID_TOKEN: *ret_link says why. Events
 * PasswordReset, SessionRevoked. The lease is given back while the password is hashed. */
HUM_MUSTCHECK enum hum_status recovery_reset(const struct auth *auth, struct lease *lease,
                                             struct str token, struct str password,
                                             struct mail_link *ret_link);

#endif
