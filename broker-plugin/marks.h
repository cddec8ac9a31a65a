/* Read marks on their way to the database: the newest of each user and room, written at most once a
 * second. The broker's thread. */
#ifndef HUM_MARKS_H
#define HUM_MARKS_H

#include "items.h"

enum { MARKS_MAX = 100000, MARK_PAUSE_MS = 1000 };

struct marks;

/* NULL: no memory. */
struct marks *marks_new(void);
void marks_free(struct marks *marks);
/* Keeps a mark; one that is not above another that waits is nothing new. HUM_UNAVAILABLE: too many
 * wait, or no memory. now: milliseconds of a steady clock. */
HUM_MUSTCHECK enum hum_status marks_put(struct marks *marks, const struct read_mark *mark,
                                        int64_t now);
/* Takes up to max marks that may be written now. Returns how many. */
size_t marks_take(struct marks *marks, struct read_mark *ret_list, size_t max, int64_t now);

#endif
