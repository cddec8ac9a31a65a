/* Of each server and channel, the sets that name it: when it is gone, they are found without
 * looking at everybody's. DMs and inboxes never go, and have two readers at most: they are left
 * out. The broker's thread. */
#ifndef HUM_CROWDS_H
#define HUM_CROWDS_H

#include "access.h"

struct crowds;

/* NULL: no memory. */
struct crowds *crowds_new(void);
void crowds_free(struct crowds *crowds);
/* The set, which has a right in the room, is found by it from now on, until it leaves: it must do
 * so before it loses that right, or is freed. False: no memory. */
bool crowds_join(struct crowds *crowds, struct access_set *set, int64_t room);
void crowds_leave(struct crowds *crowds, const struct access_set *set, int64_t room);
/* One of the sets that name a server or channel; it has left with that. NULL: none does. */
struct access_set *crowds_take(struct crowds *crowds, int64_t room);

#endif
