/* Channels of servers: made, deleted, joined (one at a time) and left. */
#ifndef HUM_DOMAIN_CHANNELS_H
#define HUM_DOMAIN_CHANNELS_H

#include "store/channels.h"

enum { CHANNELS_MAX = 500 }; /* of a server */

/* By the owner. ret_rows: the channel, freed with pg_result_free. HUM_NOT_FOUND, HUM_NOT_OWNER,
 * HUM_LIMIT_REACHED. Event ChannelCreated. */
HUM_MUSTCHECK enum hum_status channels_create(struct pg *pg, int64_t caller, int64_t server,
                                              struct str name, struct pg_result **ret_rows);
/* By members. As store_channels_list. */
HUM_MUSTCHECK enum hum_status channels_list(struct pg *pg, int64_t caller, int64_t server,
                                            int64_t after, int limit, struct pg_result **ret_rows);
/* By the owner. From then on it is gone; those in it are told by a job. Event ChannelDeleted. */
HUM_MUSTCHECK enum hum_status channels_delete(struct pg *pg, int64_t caller, int64_t channel);

/* By a member of the server: goes into the channel, out of any other of any server. ret_rows: the
 * channel. HUM_NOT_FOUND, HUM_FORBIDDEN (not in its server). Events ChannelLeft, ChannelJoined. */
HUM_MUSTCHECK enum hum_status channels_join(struct pg *pg, int64_t caller, int64_t channel,
                                            struct pg_result **ret_rows);
/* HUM_NOT_FOUND: not in it. Event ChannelLeft. */
HUM_MUSTCHECK enum hum_status channels_leave(struct pg *pg, int64_t caller, int64_t channel);
/* Within a transaction that has taken user out of a channel: tells the broker, and writes the event
 * ChannelLeft. actor: by whom. */
HUM_MUSTCHECK enum pg_outcome channel_left(struct pg *pg, int64_t actor, int64_t user,
                                           const struct place *place);
/* By members of the server. As store_channel_members. */
HUM_MUSTCHECK enum hum_status channels_members(struct pg *pg, int64_t caller, int64_t channel,
                                               int64_t after, int limit,
                                               struct pg_result **ret_rows);

#endif
