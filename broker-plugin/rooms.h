/* The rooms whose members' rights are loaded: how far each log has come, and how many subscriptions
 * listen to it. Decides what a message that has been committed means for delivery. The broker's
 * thread. */
#ifndef HUM_ROOMS_H
#define HUM_ROOMS_H

#include "message.h"

struct rooms;

struct room {
    int64_t id;
    int64_t server;    /* of a channel */
    int64_t head;      /* live: the last number delivered; else the last one known */
    int64_t wanted;    /* the highest number known to be committed */
    uint32_t sets;     /* users' sets that name it; it is forgotten with the last one */
    uint32_t live;     /* subscriptions */
    struct wide *wide; /* of a channel: who listens to all of its server */
    enum room_kind kind;
    bool fetching; /* a page was asked for */
};

enum room_step { ROOM_DELIVER, ROOM_DROP, ROOM_FETCH };

/* NULL: no memory. */
struct rooms *rooms_new(void);
void rooms_free(struct rooms *rooms);

/* NULL: not known. */
struct room *rooms_find(struct rooms *rooms, int64_t id);
/* One more set names the room; server: of a channel, else 0; last_seq: at least what its log had at
 * some time since. False: no memory. */
bool rooms_hold(struct rooms *rooms, int64_t id, enum room_kind kind, int64_t server,
                int64_t last_seq);
/* One set less names it. */
void rooms_release(struct rooms *rooms, int64_t id);
/* Whether anybody listens. */
bool room_is_live(const struct room *room);

/* One subscription more or less to everything of a server: its channels, those of later included.
 */
void rooms_listen_wide(struct rooms *rooms, int64_t server);
void rooms_unlisten_wide(struct rooms *rooms, int64_t server);
/* One subscription more or less. */
void rooms_listen(struct rooms *rooms, int64_t id);
void rooms_unlisten(struct rooms *rooms, int64_t id);

/* Message seq of a room is committed and at hand. DELIVER: it is the next one; the room's head now
 * is seq. DROP: nobody listens, it was delivered, or a fetch that is under way will bring it.
 * FETCH: some before it are missing; ask for all after head. room NULL: DROP. */
enum room_step room_committed(struct room *room, int64_t seq);
/* The log reaches seq, but the message is not at hand: DROP or FETCH. */
enum room_step room_reaches(struct room *room, int64_t seq);
/* A page that was asked for has been delivered. FETCH: more is missing. progressed: it held
 * something new; without that nothing more is asked for, since it is not there. */
enum room_step room_fetched(struct room *room, bool progressed);

/* The ids of all rooms with subscriptions, freed by the caller with free(). NULL: none, or no
 * memory. */
int64_t *rooms_live(const struct rooms *rooms, size_t *ret_count);

#endif
