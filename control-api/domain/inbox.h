/* Notifications: messages in the inbox room of the one who is told. Within a transaction. */
#ifndef HUM_DOMAIN_INBOX_H
#define HUM_DOMAIN_INBOX_H

#include "message.h"
#include "pg.h"

/* Tells to what actor has done, with the actor as data, and the DM it is about unless that is 0.
 * Event NotificationSent; the broker is told, too. */
HUM_MUSTCHECK enum pg_outcome inbox_post(struct pg *pg, int64_t to, enum message_kind kind,
                                         int64_t actor, int64_t dm);
/* The same with members of the data that are written already: ",\"name\":value…". */
HUM_MUSTCHECK enum pg_outcome inbox_post_with(struct pg *pg, int64_t to, enum message_kind kind,
                                              int64_t actor, struct str members);

#endif
