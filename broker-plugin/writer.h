/* The thread that commits what the journal holds, a batch at a time, and posts what is committed.
 *
 * Batches form by themselves: what arrives while one commit runs is the next batch. */
#ifndef HUM_WRITER_H
#define HUM_WRITER_H

#include "hub.h"
#include "journal.h"
#include "pg.h"

struct writer;

/* Starts the thread. config, journal and hub must outlive it. NULL: no memory or no thread. */
struct writer *writer_start(const struct pg_config *config, struct journal *journal,
                            struct hub *hub);
/* Ends the thread after the commit that is under way, and waits for it. What the queue still holds
 * is committed first as long as the database answers. NULL is fine. */
void writer_stop(struct writer *writer);

/* When the oldest message that is not committed was taken, in milliseconds since 1970; 0: there is
 * none. Any thread. */
int64_t writer_oldest(const struct writer *writer);

extern const struct pg_statement *const writer_statements[];
extern const size_t writer_statement_count;

#endif
