/* Channels of servers, and who is in one. */
#ifndef HUM_STORE_CHANNELS_H
#define HUM_STORE_CHANNELS_H

#include "store/servers.h"

/* One row: a channel that has not been deleted, of a server that has not either, as somebody sees
 * it. */
struct channel {
    int64_t id;
    int64_t server;
    int64_t owner; /* of the server */
    struct str name;
    struct str server_name;
    int64_t created_at; /* milliseconds since 1970 */
    int64_t last_seq;
    bool public;  /* the server */
    bool visible; /* who asks is in the server */
    bool joined;  /* and in the channel */
};

struct channel store_channel_at(const struct pg_result *rows, size_t row);

HUM_MUSTCHECK enum pg_outcome store_channel_insert(struct pg *pg, int64_t server, struct str name,
                                                   int64_t *ret_id);
HUM_MUSTCHECK enum pg_outcome store_channels_count(struct pg *pg, int64_t server, int64_t *ret);
/* None or one row. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_channel_get(struct pg *pg, int64_t user, int64_t channel,
                                                struct pg_result **ret_rows);
/* As store_channel_get. Until the transaction ends neither the channel nor its server is deleted.
 */
HUM_MUSTCHECK enum pg_outcome store_channel_hold(struct pg *pg, int64_t user, int64_t channel,
                                                 struct pg_result **ret_rows);
/* A server's, with an id greater than after, by id. */
HUM_MUSTCHECK enum pg_outcome store_channels_list(struct pg *pg, int64_t user, int64_t server,
                                                  int64_t after, int limit,
                                                  struct pg_result **ret_rows);
/* From now on it counts as gone. ret_deleted: false when it was before. */
HUM_MUSTCHECK enum pg_outcome store_channel_delete(struct pg *pg, int64_t channel,
                                                   bool *ret_deleted);

/* Locks a user against joining and leaving channels until the transaction ends. */
HUM_MUSTCHECK enum pg_outcome store_place_lock(struct pg *pg, int64_t user);

/* Where a user is. */
struct place {
    int64_t channel; /* 0: in none */
    int64_t server;
    bool gone; /* the channel was deleted, or its server */
};

HUM_MUSTCHECK enum pg_outcome store_place_get(struct pg *pg, int64_t user, struct place *ret);
/* The same; until the transaction ends the user stays there. */
HUM_MUSTCHECK enum pg_outcome store_place_hold(struct pg *pg, int64_t user, struct place *ret);
/* Puts user into a channel, out of any other. PG_REJECTED: not in the server (any more). */
HUM_MUSTCHECK enum pg_outcome store_place_set(struct pg *pg, int64_t user, int64_t server,
                                              int64_t channel);
HUM_MUSTCHECK enum pg_outcome store_place_clear(struct pg *pg, int64_t user);

/* Those in a channel, with an id greater than after, by id: rows of store_member_at. */
HUM_MUSTCHECK enum pg_outcome store_channel_members(struct pg *pg, int64_t channel, int64_t after,
                                                    int limit, struct pg_result **ret_rows);

extern const struct pg_statement *const store_channels_statements[];
extern const size_t store_channels_statements_count;

#endif
