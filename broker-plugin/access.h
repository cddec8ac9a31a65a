/* Who may do what, in memory: a set of rooms and living sessions a user. The broker's thread only,
 * but for building a set, which any thread may do before it hands the set over. */
#ifndef HUM_ACCESS_H
#define HUM_ACCESS_H

#include "message.h"

enum { ACCESS_READ = 1, ACCESS_SEND = 2 };

struct access_right {
    int64_t room;
    int64_t last_seq; /* the room's at the time of loading; a lower bound later */
    int64_t server;   /* of a channel */
    uint8_t kind;     /* enum room_kind */
    uint8_t rights;
    uint32_t place; /* of the set among those that name the room: crowds.c's own */
};

struct access_session {
    int64_t id;
    int64_t expires_at; /* seconds since 1970 */
};

struct access_friend {
    int64_t id;
};

/* One user's. The arrays ascend by id. */
struct access_set {
    int64_t user;
    int64_t as_of; /* the last id that had been handed out when it was loaded */
    struct access_right *rights;
    size_t right_count, right_cap;
    struct access_session *sessions;
    size_t session_count, session_cap;
    struct access_friend *friends;
    size_t friend_count, friend_cap;
};

/* An empty set; NULL: no memory. */
struct access_set *access_set_new(int64_t user);
void access_set_free(struct access_set *set);
/* Adds, changes or, with rights 0, removes; what is changed keeps its place. HUM_INTERNAL: no
 * memory; the set is then as before. */
HUM_MUSTCHECK enum hum_status access_set_right(struct access_set *set,
                                               const struct access_right *right);
void access_set_drop_right(struct access_set *set, int64_t room);
/* Without a right in the room nothing happens. */
void access_set_place(struct access_set *set, int64_t room, uint32_t place);
HUM_MUSTCHECK enum hum_status access_set_session(struct access_set *set, int64_t session,
                                                 int64_t expires_at);
HUM_MUSTCHECK enum hum_status access_set_friend(struct access_set *set, int64_t friend_id);
void access_set_drop_friend(struct access_set *set, int64_t friend_id);
/* set may be NULL. */
bool access_is_friend(const struct access_set *set, int64_t friend_id);
/* Removes a session that has ended. */
void access_set_drop_session(struct access_set *set, int64_t session);

/* NULL: none. set may be NULL. Valid until the set changes. */
const struct access_right *access_find(const struct access_set *set, int64_t room);
/* Rights in a room; 0: none. set may be NULL. */
int access_rights(const struct access_set *set, int64_t room);
/* Whether the session lives at now (seconds since 1970). set may be NULL. */
bool access_session_lives(const struct access_set *set, int64_t session, int64_t now);

/* Whether a session that is not in the set may have been made after the set was loaded, or just
 * before, by a transaction that had not yet committed. */
bool access_session_may_be_newer(const struct access_set *set, int64_t session);

#endif
