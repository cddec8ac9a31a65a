/* The thread for what may take its time: read marks and catch-up. It has a connection of its own,
 * so that neither commits nor rights wait for it. */
#ifndef HUM_CLERK_H
#define HUM_CLERK_H

#include "hub.h"
#include "pg.h"

enum {
    SYNC_ROOMS_MAX = 200,
    SYNC_MESSAGES_MAX = 1000, /* of one answer; past it the client asks again */
    SYNC_PIECE_BYTES = 64 * 1024,
    SYNC_FRAME_BYTES = ROUND_BYTES - TOPIC_MAX - 64, /* over WebSocket: what goes at once */
};

struct clerk;

struct sync_place {
    int64_t room;
    int64_t after;
};

enum clerk_work { CLERK_MARKS, CLERK_SYNC, CLERK_SEEN };

/* What one user missed. */
struct sync_request {
    struct mail mail;
    enum clerk_work work; /* set by the clerk */
    int64_t user;
    size_t piece_bytes; /* most that a piece holds, but for a message that is longer by itself */
    char tag[TOPIC_TAG_MAX + 1];
    size_t missing_count; /* rooms that the user may not read, or that are not there */
    int64_t missing[SYNC_ROOMS_MAX];
    size_t count;
    struct sync_place places[SYNC_ROOMS_MAX];
};

/* Starts the thread. config and hub must outlive it. NULL: no memory, descriptor or thread. */
struct clerk *clerk_start(const struct pg_config *config, struct hub *hub);
/* Ends the thread and waits for it. NULL is fine. */
void clerk_stop(struct clerk *clerk);

/* Writes marks, each user and room once; answered by one ITEM_MARKED with those that have moved.
 * False: no memory. The broker's thread. */
bool clerk_write_marks(struct clerk *clerk, const struct read_mark *marks, size_t count);
/* Has it written that these sessions are in use. What cannot be written is dropped: they will be
 * told again. The broker's thread. */
void clerk_tell_seen(struct clerk *clerk, const int64_t *sessions, size_t count);
/* Takes the request over; answered by ITEM_SYNC pieces, the last one done. The broker's thread. */
void clerk_sync(struct clerk *clerk, struct sync_request *request);

extern const struct pg_statement *const clerk_statements[];
extern const size_t clerk_statement_count;

#endif
