/* The way from the plugin's threads to the broker's: post an item, and the broker wakes. */
#ifndef HUM_HUB_H
#define HUM_HUB_H

#include "items.h"
#include "wake.h"

struct hub {
    struct mailbox box;
    struct wake *wake; /* not owned; NULL: nobody is woken */
};

/* Microseconds of a steady clock. */
int64_t hub_now_us(void);

/* Takes the item over. Any thread but the broker's. */
void hub_post(struct hub *hub, void *item);
/* Posts a line for the broker's log; it is cut at 255 bytes. */
void hub_log(struct hub *hub, bool error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
