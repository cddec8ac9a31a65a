/* Appends a batch of messages to the log in one statement, and says what became of each.
 *
 * There are two ways in. The short one, hum_append_texts, takes a batch that is sorted by rooms
 * already and stops at anything out of the ordinary; hum_append looks known nonces up, passes over
 * locked rooms, and answers for every message apart. One thread at a time. */
#ifndef HUM_APPEND_H
#define HUM_APPEND_H

#include "pg.h"
#include "record.h"

enum { APPEND_MAX = 1000 }; /* messages of one statement */

/* As hum_append has them. */
enum append_status { APPENDED, APPEND_KNOWN, APPEND_BUSY, APPEND_GONE, APPEND_BAD_REFERENCE };

struct append_verdict {
    enum append_status status;
    int64_t seq; /* these of APPENDED; seq of APPEND_KNOWN, too */
    int64_t id;
    int64_t sent_at; /* milliseconds since 1970 */
};

struct append;

/* NULL: no memory. */
struct append *append_new(void);
void append_free(struct append *append);

/* Starts a batch. */
void append_clear(struct append *append);
/* One message more, at most APPEND_MAX. The record's texts and the key (MESSAGE_KEY_LEN bytes,
 * copied) must live until append_run has returned. */
void append_add(struct append *append, const struct record *record, const unsigned char *key);
/* Appends the batch, in one transaction. lookup: some nonces may be known, look them up. PG_DONE:
 * ret_verdicts has one a message, in their order. PG_CONFLICT: without lookup, some nonce is known
 * after all. */
HUM_MUSTCHECK enum pg_outcome append_run(struct append *append, struct pg *pg, bool lookup,
                                         struct append_verdict *ret_verdicts);

extern const struct pg_statement *const append_statements[];
extern const size_t append_statement_count;

#endif
