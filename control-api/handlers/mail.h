/* /auth: what mails with links are for. */
#ifndef HUM_HANDLERS_MAIL_H
#define HUM_HANDLERS_MAIL_H

#include "http.h"
#include "store/mail_requests.h"

enum hum_status handle_email_verify(struct request *request, struct reply *reply);
enum hum_status handle_email_resend(struct request *request, struct reply *reply);
enum hum_status handle_email_change(struct request *request, struct reply *reply);
enum hum_status handle_password_forgot(struct request *request, struct reply *reply);
enum hum_status handle_password_reset(struct request *request, struct reply *reply);

/* Whether a mail of a kind may be sent to an address; one that has had its mails of this hour is
 * answered as any other. */
HUM_MUSTCHECK enum hum_status limit_mails(struct request *request, struct reply *reply,
                                          enum asked_mail kind, struct str email, bool *ret_send);
/* What there is to say is said by mail: 202 and an empty object. */
enum hum_status reply_by_mail(struct reply *reply);

#endif
