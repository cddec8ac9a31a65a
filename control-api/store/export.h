/* All that is kept of one person, in the order in which it is exported. */
#ifndef HUM_STORE_EXPORT_H
#define HUM_STORE_EXPORT_H

#include "pg.h"

enum export_section {
    EXPORT_PROFILE, /* as store_user_get */
    EXPORT_SESSIONS,
    EXPORT_IDENTITIES,
    EXPORT_FRIENDS,
    EXPORT_REQUESTS,
    EXPORT_BLOCKS,
    EXPORT_DMS,
    EXPORT_SERVERS,
    EXPORT_BANS,
    EXPORT_INVITES,
    EXPORT_CODES,
    EXPORT_CHANNELS,
    EXPORT_VISITS, /* channels that they have been in */
    EXPORT_READ_MARKS,
    EXPORT_SET_ASIDE,     /* messages that could not be stored */
    EXPORT_NOTIFICATIONS, /* as store_messages_after */
    EXPORT_MESSAGES,      /* not of store_export_rows */
    EXPORT_SECTIONS,
};

/* Rows of a section whose keys come after the key after (-1 for all), by key. ret_rows is freed
 * with pg_result_free. */
HUM_MUSTCHECK enum pg_outcome store_export_rows(struct pg *pg, enum export_section section,
                                                int64_t user, int64_t after, int limit,
                                                struct pg_result **ret_rows);
/* The key of a row. */
int64_t store_export_key(enum export_section section, const struct pg_result *rows, size_t row);

/* The first room after the id after that the user may have written to, and how far its log goes.
 * ret_room: 0 when there is none. */
HUM_MUSTCHECK enum pg_outcome store_export_room(struct pg *pg, int64_t user, int64_t after,
                                                int64_t *ret_room, int64_t *ret_last_seq);
/* The user's own of the room's entries from after, exclusive, to upto, as store_message_at reads
 * them. */
HUM_MUSTCHECK enum pg_outcome store_export_messages(struct pg *pg, int64_t user, int64_t room,
                                                    int64_t after, int64_t upto, int limit,
                                                    struct pg_result **ret_rows);

extern const struct pg_statement *const store_export_statements[];
extern const size_t store_export_statements_count;

#endif
