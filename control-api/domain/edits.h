/* Texts that are changed after they were sent: edited, deleted. Each change is an entry of the log.
 * An inbox holds no texts. */
#ifndef HUM_DOMAIN_EDITS_H
#define HUM_DOMAIN_EDITS_H

#include "store/messages.h"

/* Lets a text of the caller's say something else; a nonce that is known for it (.data NULL: none)
 * changes nothing. What allows it is what allows to send. ret_rows: the text as it now is, one row,
 * freed with pg_result_free. HUM_NOT_FOUND: no room that the caller may read, or no such text in
 * it; HUM_FORBIDDEN: somebody else's; HUM_MESSAGE_DELETED; HUM_CONFLICT: the nonce is that of
 * another message; and as messages_send. Event MessageEdited. */
HUM_MUSTCHECK enum hum_status edits_change(struct pg *pg, int64_t caller, int64_t room, int64_t seq,
                                           struct str text, struct str nonce,
                                           struct pg_result **ret_rows);

/* Deletes a text: the caller's own in a room that they may read, or any in a server of theirs and
 * its channels. One that is deleted stays so. HUM_NOT_FOUND and HUM_FORBIDDEN as above. Event
 * MessageDeleted. */
HUM_MUSTCHECK enum hum_status edits_delete(struct pg *pg, int64_t caller, int64_t room,
                                           int64_t seq);

#endif
