/* The keys of MQTT tokens, read anew at SIGHUP by a thread that ends then: the broker's own never
 * waits for a disk. The broker's thread. */
#ifndef HUM_REKEY_H
#define HUM_REKEY_H

#include "hub.h"
#include "items.h"

struct rekey;

/* hub must outlive it. NULL: no memory. */
struct rekey *rekey_new(const char *folder, struct hub *hub);
/* Waits for a reading that is under way. NULL is fine. */
void rekey_free(struct rekey *rekey);

/* Has the folder read; ITEM_KEYS tells what came of it. While that is under way it is read once
 * more afterwards, however often this is asked for. */
void rekey_ask(struct rekey *rekey);
/* An ITEM_KEYS has come. */
void rekey_taken(struct rekey *rekey);

#endif
