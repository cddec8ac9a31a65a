/* Mails that are asked for: the asking, which is the same whatever is known of an address, and what
 * the worker makes of it. */
#ifndef HUM_DOMAIN_MAIL_REQUESTS_H
#define HUM_DOMAIN_MAIL_REQUESTS_H

#include "domain/auth.h"
#include "store/mail_requests.h"

/* HUM_MAIL_OFF: there is no mail server. */
HUM_MUSTCHECK enum hum_status mail_requests_on(const struct auth *auth);
/* HUM_UNAVAILABLE, also when too many are asked for. user: of ASKED_CHANGE, else 0. */
HUM_MUSTCHECK enum hum_status mail_requests_add(struct lease *lease, enum asked_mail kind,
                                                struct str address, int64_t user);

/* Works on the oldest, in a transaction of its own: queues the mail that there is to send, if any.
 * ret_worked: false when none waits. Any status but HUM_OK: it has failed; unless that is
 * HUM_UNAVAILABLE it is forgotten, or it would be in the way of the others. */
HUM_MUSTCHECK enum hum_status mail_requests_step(struct pg *pg, bool *ret_worked);

#endif
