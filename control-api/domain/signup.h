/* Signing up where there is a mail server: whoever wants an account is sent a link, and following
 * it makes the account. */
#ifndef HUM_DOMAIN_SIGNUP_H
#define HUM_DOMAIN_SIGNUP_H

#include "domain/auth.h"
#include "domain/links.h"

/* HUM_NICKNAME_TAKEN: somebody has the nickname. That is looked at before the address, and asking
 * for one does not make it anybody's until the account is made: so it tells nothing of the address,
 * neither now nor when somebody else asks for it. key NULL: none is asked for. */
HUM_MUSTCHECK enum hum_status signup_nickname(struct lease *lease, const struct nickname *key);
/* Keeps what was asked for, and asks for its mail, which is left out unless send: the same work and
 * answer whether the address has an account or not, and whether a mail is sent or not. The device
 * counts for nothing. HUM_UNAVAILABLE. The lease is given back while the password is hashed. */
HUM_MUSTCHECK enum hum_status signup_ask(const struct auth *auth, struct lease *lease,
                                         const struct auth_registration *registration, bool send);

/* Within a transaction: makes the account that a link is for, with a nickname that is made up when
 * made_up is true or none was asked for. Where somebody else has signed up with that address too,
 * it has no password, and a mail with a link to set one is queued if mail_on. *ret_link:
 * MAIL_LINK_UNKNOWN when it is no such link. *ret_status: HUM_EMAIL_TAKEN, when the address has got
 * an account meanwhile; HUM_NICKNAME_TAKEN: try again with one that is made up. Event
 * UserRegistered. */
HUM_MUSTCHECK enum pg_outcome signup_redeem(struct pg *pg, const struct keys *keys, struct str text,
                                            bool made_up, bool mail_on, struct mail_link *ret_link,
                                            enum hum_status *ret_status);

/* Queues the mail for the newest that was asked for with an address, if there is one. */
HUM_MUSTCHECK enum pg_outcome signup_remind(struct pg *pg, struct str email);

#endif
