/* Rooms, as one of the people in them sees them. */
#ifndef HUM_STORE_ROOMS_H
#define HUM_STORE_ROOMS_H

#include "message.h"
#include "pg.h"

/* One row. */
struct room {
    int64_t id;
    int kind;       /* enum room_kind */
    int64_t server; /* of a channel; else 0 */
    /* Of a DM the other's nickname, of a server or channel its name; .data NULL: none. Lives as
     * long as the rows. */
    struct str title;
    int64_t last_seq;
    int64_t read_seq;
    int64_t unread; /* counted to 100 */
    bool can_send;
    int64_t peer; /* the other one of a DM; else 0 */
    int64_t peer_read_seq;
};

/* None (also when user may not read the room) or one row. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_room_get(struct pg *pg, int64_t user, int64_t room,
                                             struct pg_result **ret_rows);
/* The rooms that user may read with an id greater than after, by id. */
HUM_MUSTCHECK enum pg_outcome store_rooms_list(struct pg *pg, int64_t user, int64_t after,
                                               int limit, struct pg_result **ret_rows);
struct room store_room_at(const struct pg_result *rows, size_t row);

/* What rights in a room depend on. */
struct room_access {
    int64_t id;
    int kind;      /* enum room_kind */
    int64_t other; /* of a DM; else 0 */
    int64_t last_seq;
};

/* Of those of some rooms that exist and that user may read, in no order; ret_list has room for
 * count. No id may stand in rooms twice. */
HUM_MUSTCHECK enum pg_outcome store_rooms_access(struct pg *pg, int64_t user, const int64_t *rooms,
                                                 size_t count, struct room_access *ret_list,
                                                 size_t *ret_count);

/* Moves the read mark up to seq, or to the room's end when that comes first; never down. */
HUM_MUSTCHECK enum pg_outcome store_read_mark(struct pg *pg, int64_t user, int64_t room,
                                              int64_t seq);

extern const struct pg_statement *const store_rooms_statements[];
extern const size_t store_rooms_statements_count;

#endif
