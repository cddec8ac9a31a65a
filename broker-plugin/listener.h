/* The thread that keeps what the broker knows up to date: it listens for notifications, loads
 * users' rights, and fetches pieces of rooms' logs.
 *
 * One connection does all of it, and that is what makes it safe: a change that commits after a load
 * has read its rows is notified after the load's result, so what is posted to the broker's thread
 * ends with the newest. Notifications are read again after a load, never lost between two
 * connections. */
#ifndef HUM_LISTENER_H
#define HUM_LISTENER_H

#include "hub.h"
#include "pg.h"

struct listener;

/* Starts the thread. config and hub must outlive it. NULL: no memory, descriptor or thread. */
struct listener *listener_start(const struct pg_config *config, struct hub *hub);
/* Ends the thread and waits for it. NULL is fine. */
void listener_stop(struct listener *listener);

/* Ask for something; the answers are posted to the hub. Any thread. False: no memory. While the
 * database is away requests wait. */
bool listener_load(struct listener *listener, int64_t user);                /* ITEM_SET */
bool listener_page(struct listener *listener, int64_t room, int64_t after); /* ITEM_PAGE */
/* ITEM_HEAD for each room. */
bool listener_heads(struct listener *listener, const int64_t *rooms, size_t count);

extern const struct pg_statement *const listener_statements[];
extern const size_t listener_statement_count;

#endif
