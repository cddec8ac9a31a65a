/* The dedup keys seen last, to tell a message that is surely new from one that may be a repetition.
 * The writer's own. */
#ifndef HUM_RECENT_H
#define HUM_RECENT_H

#include "message.h"

struct recent;

/* Remembers up to count keys (a power of two). NULL: no memory. */
struct recent *recent_new(size_t count);
void recent_free(struct recent *recent);
/* Whether room and key were among the last ones; remembers them, and forgets the oldest for it. */
bool recent_seen(struct recent *recent, int64_t room, const unsigned char key[MESSAGE_KEY_LEN]);

#endif
