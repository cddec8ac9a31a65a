/* Who is in a server: joining, leaving, being sent away and kept out. */
#ifndef HUM_DOMAIN_MEMBERS_H
#define HUM_DOMAIN_MEMBERS_H

#include "domain/servers.h"

/* Within a transaction that holds the server. Locks the two against joining, leaving, invites and
 * bans of this user in this server. */
HUM_MUSTCHECK enum pg_outcome member_lock(struct pg *pg, int64_t server, int64_t user);
/* Within a transaction with that lock: puts a user into the server, who is not in it. HUM_BANNED,
 * HUM_LIMIT_REACHED. Any invite is used up. Event MemberJoined. */
HUM_MUSTCHECK enum pg_outcome member_admit(struct pg *pg, const struct server_row *server,
                                           int64_t user, enum hum_status *ret_status);

/* Joins a public server, or a private one by an invite. Joining again changes nothing. ret_rows:
 * the server. HUM_NOT_FOUND, HUM_INVITE_REQUIRED, HUM_BANNED, HUM_LIMIT_REACHED. */
HUM_MUSTCHECK enum hum_status members_join(struct pg *pg, int64_t caller, int64_t server,
                                           struct pg_result **ret_rows);
/* HUM_NOT_FOUND: not in it; HUM_OWNER_CANNOT_LEAVE. Events MemberLeft, ChannelLeft. */
HUM_MUSTCHECK enum hum_status members_leave(struct pg *pg, int64_t caller, int64_t server);
/* By the owner. With ban, the user is kept out from then on, a member or not. Invites and codes of
 * theirs end. HUM_NOT_FOUND: no member, or nobody. Events MemberLeft, ChannelLeft, MemberBanned. */
HUM_MUSTCHECK enum hum_status members_remove(struct pg *pg, int64_t caller, int64_t server,
                                             int64_t user, bool ban);
/* By members. As store_members_list. */
HUM_MUSTCHECK enum hum_status members_list(struct pg *pg, int64_t caller, int64_t server,
                                           int64_t after, int limit, struct pg_result **ret_rows);

/* By the owner. */
HUM_MUSTCHECK enum hum_status bans_list(struct pg *pg, int64_t caller, int64_t server,
                                        int64_t after, int limit, struct pg_result **ret_rows);
HUM_MUSTCHECK enum hum_status bans_get(struct pg *pg, int64_t caller, int64_t server, int64_t user,
                                       struct pg_result **ret_rows);
/* Event MemberUnbanned. */
HUM_MUSTCHECK enum hum_status bans_lift(struct pg *pg, int64_t caller, int64_t server,
                                        int64_t user);

#endif
