/* DMs: the rooms of two people. */
#ifndef HUM_STORE_DMS_H
#define HUM_STORE_DMS_H

#include "pg.h"

/* ret_room: 0 when the two have none, and ret_last_seq (the room's) is untouched. */
HUM_MUSTCHECK enum pg_outcome store_dm_find(struct pg *pg, int64_t a, int64_t b, int64_t *ret_room,
                                            int64_t *ret_last_seq);
HUM_MUSTCHECK enum pg_outcome store_dm_insert(struct pg *pg, int64_t a, int64_t b,
                                              int64_t *ret_room);

extern const struct pg_statement *const store_dms_statements[];
extern const size_t store_dms_statements_count;

#endif
