/* Rooms, and how far one has read in them. A room that the caller may not read is HUM_NOT_FOUND. */
#ifndef HUM_DOMAIN_ROOMS_H
#define HUM_DOMAIN_ROOMS_H

#include "store/rooms.h"

/* One row, freed with pg_result_free. */
HUM_MUSTCHECK enum hum_status rooms_get(struct pg *pg, int64_t caller, int64_t room,
                                        struct pg_result **ret_rows);
/* As store_rooms_list. */
HUM_MUSTCHECK enum hum_status rooms_list(struct pg *pg, int64_t caller, int64_t after, int limit,
                                         struct pg_result **ret_rows);
/* What the caller's rights in a room depend on; being told means that the room may be read. */
HUM_MUSTCHECK enum hum_status rooms_access(struct pg *pg, int64_t caller, int64_t room,
                                           struct room_access *ret);
/* As store_read_mark. */
HUM_MUSTCHECK enum hum_status rooms_read(struct pg *pg, int64_t caller, int64_t room, int64_t seq);

#endif
