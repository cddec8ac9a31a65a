/* What the broker's plugin is told, on the channel "hum". It takes effect with the commit. */
#ifndef HUM_STORE_NOTIFY_H
#define HUM_STORE_NOTIFY_H

#include "message.h"
#include "pg.h"

enum rights { RIGHTS_NONE = 0, RIGHTS_READ = 1, RIGHTS_READ_AND_SEND = 3 };

/* A token was issued: the user's rights are needed soon. */
HUM_MUSTCHECK enum pg_outcome notify_user(struct pg *pg, int64_t user);
/* The session is revoked. */
HUM_MUSTCHECK enum pg_outcome notify_session(struct pg *pg, int64_t user, int64_t session);
/* What the user may do in the room, which is no channel, from now on. last_seq: of the room. */
HUM_MUSTCHECK enum pg_outcome notify_access(struct pg *pg, int64_t user, int64_t room,
                                            enum room_kind kind, enum rights rights,
                                            int64_t last_seq);
/* The same for a channel, which is named with its server. */
HUM_MUSTCHECK enum pg_outcome notify_channel(struct pg *pg, int64_t user, int64_t server,
                                             int64_t channel, enum rights rights, int64_t last_seq);
/* The room is gone: nobody has any right in it. */
HUM_MUSTCHECK enum pg_outcome notify_gone(struct pg *pg, int64_t room);
/* Whether the user now is a friend of the other: once for each side. */
HUM_MUSTCHECK enum pg_outcome notify_friend(struct pg *pg, int64_t user, int64_t other,
                                            bool friends);
/* The room's log now reaches seq. */
HUM_MUSTCHECK enum pg_outcome notify_room(struct pg *pg, int64_t room, int64_t seq);

extern const struct pg_statement *const store_notify_statements[];
extern const size_t store_notify_statements_count;

#endif
