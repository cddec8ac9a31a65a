/* Mails that are asked for: the asking, which is the same whatever is known of an address, and what
 * the worker makes of it. */
#ifndef HUM_DOMAIN_MAIL_REQUESTS_H
#define HUM_DOMAIN_MAIL_REQUESTS_H

#include "domain/auth.h"
#include "store/mail_requests.h"

/* HUM_MAIL_OFF: there is no mail server. */
HUM_MUSTCHECK enum hum_status mail_requests_on(const struct auth *auth);
/* Asks for a mail, which is left out unless send: with the same work, so that who asks cannot tell.
 * HUM_UNAVAILABLE, also when too many are asked for. Of ASKED_CHANGE, see the next. */
HUM_MUSTCHECK enum hum_status mail_requests_add(struct lease *lease, enum asked_mail kind,
                                                struct str address, bool send);
/* Asks for a link that makes an address the user's. hash: as password_prove gave it.
 * HUM_INVALID_CREDENTIALS: the password is another one since; HUM_UNAVAILABLE as above. */
HUM_MUSTCHECK enum hum_status mail_requests_change(struct lease *lease, int64_t user,
                                                   const char *hash, struct str address, bool send);
/* Within a transaction that has set a new password: takes back all links by which another address
 * would become the account's, since whoever asked for them may have been somebody else. */
HUM_MUSTCHECK enum pg_outcome mail_requests_take_back(struct pg *pg, int64_t user);

/* Works on the oldest, in a transaction of its own: queues the mail that there is to send, if any.
 * ret_worked: false when none waits. Any status but HUM_OK: it has failed; unless that is
 * HUM_UNAVAILABLE it is forgotten, or it would be in the way of the others. */
HUM_MUSTCHECK enum hum_status mail_requests_step(struct pg *pg, bool *ret_worked);

#endif
