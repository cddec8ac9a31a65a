/* What following the link of a mail comes to. */
#ifndef HUM_DOMAIN_LINKS_H
#define HUM_DOMAIN_LINKS_H

#include "domain/auth.h"
#include "domain/email.h"
#include "domain/mails.h"

struct mail_link {
    enum mail_link_state state;
    char address[EMAIL_MAX + 1]; /* that the mail went to; "" when MAIL_LINK_UNKNOWN */
};

/* Follows the link of a mail to an address: makes the account that somebody has signed up for,
 * marks the address of an account as verified, or makes it the account's in the place of the old
 * one, which is told. HUM_INVALID_TOKEN: *ret_link says why. HUM_EMAIL_TAKEN: another account has
 * got the address meanwhile. Events UserRegistered, EmailVerified, EmailChanged. */
HUM_MUSTCHECK enum hum_status links_follow(const struct auth *auth, struct lease *lease,
                                           struct str token, struct mail_link *ret_link);

#endif
