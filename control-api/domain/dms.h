/* Opening a DM: a room of two friends. */
#ifndef HUM_DOMAIN_DMS_H
#define HUM_DOMAIN_DMS_H

#include "store/rooms.h"

/* Finds or makes the DM of two friends. ret_rows gets the room, freed with pg_result_free;
 * ret_created, whether it is new. HUM_NOT_FOUND: nobody is that; HUM_INVALID_REQUEST: the caller
 * is; HUM_NOT_FRIENDS. Event ChatCreated. */
HUM_MUSTCHECK enum hum_status dms_open(struct pg *pg, int64_t caller, int64_t other,
                                       bool *ret_created, struct pg_result **ret_rows);

#endif
