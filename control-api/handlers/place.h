/* Cursors of searches: the place of the last row shown, "rank id key", in URL-safe base64, as keys
 * are any UTF-8. */
#ifndef HUM_HANDLERS_PLACE_H
#define HUM_HANDLERS_PLACE_H

#include "http.h"
#include "store/users.h"

/* Bytes of a place: a key is at most as long as folding makes a name. */
enum { PLACE_MAX = 4096 };

/* Ends a list after which there is more. */
void list_end_place(struct buf *out, const struct search_place *last);
/* "cursor"; *ret is untouched when it is absent or refused. bytes has room for PLACE_MAX, and holds
 * the key. */
void query_place(struct request *request, struct reply *reply, char *bytes,
                 struct search_place *ret);

#endif
