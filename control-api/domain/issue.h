/* What all ways to sign in end with: a session, and its tokens. */
#ifndef HUM_DOMAIN_ISSUE_H
#define HUM_DOMAIN_ISSUE_H

#include "domain/auth.h"
#include "store/sessions.h"

/* Of a transaction: adds a session for user and with the seed of *session, writes the event, and
 * ends as issue_finish does. */
HUM_MUSTCHECK enum pg_outcome issue_session(struct pg *pg, const char *event,
                                            struct session *session,
                                            const struct auth_device *device,
                                            struct pg_result **rows, enum hum_status *ret_status);
/* What every transaction that issues tokens ends with: the broker is told, and the person is read
 * for the answer. *rows: of an earlier run, or NULL; those of store_user_get come in their place.
 */
HUM_MUSTCHECK enum pg_outcome issue_finish(struct pg *pg, int64_t user, struct pg_result **rows,
                                           enum hum_status *ret_status);
/* Writes the event of what happened to a session. */
HUM_MUSTCHECK enum pg_outcome issue_record(struct pg *pg, const char *kind, int64_t user,
                                           int64_t session);

/* After the transaction, which came to this status: signs the tokens. Takes rows over in any case.
 */
HUM_MUSTCHECK enum hum_status issue_tokens(const struct auth *auth, enum hum_status status,
                                           const struct session *session, struct pg_result *rows,
                                           struct auth_session *ret_session);

#endif
