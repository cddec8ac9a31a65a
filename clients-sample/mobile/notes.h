/* Events on their way to the app: by its callback at once, or in a queue for hum_wait. */
#ifndef HUM_MOBILE_NOTES_H
#define HUM_MOBILE_NOTES_H

#include "hum.h"

struct notes;

enum { NOTES_MAX = 1000 };

/* on_event NULL: they wait for notes_wait. NULL: no memory. */
struct notes *notes_new(hum_on_event on_event, void *arg);
/* Ends notes_wait, now and from now on, and waits until nobody is in it. */
void notes_end(struct notes *notes);
void notes_free(struct notes *notes); /* NULL is taken */

/* The library's thread. */
void notes_tell(struct notes *notes, const hum_event *event);
/* Any thread, one at a time: hum_wait. */
bool notes_wait(struct notes *notes, int32_t timeout_ms, hum_event *ret_event);

#endif
