/* Everything that is kept of a person, read piece by piece while it is sent to them.
 *
 * However long that takes, a connection of the pool is held for one statement at a time, by few
 * exports at once. So what is exported is not of one instant: each piece is as it was when it was
 * read. It ends when the person's session does. */
#ifndef HUM_DOMAIN_EXPORT_H
#define HUM_DOMAIN_EXPORT_H

#include "pool.h"
#include "store/export.h"

enum {
    EXPORT_PAGE = 50,       /* rows of a piece */
    EXPORT_SPAN = 5000,     /* entries of a room that are looked through for a piece */
    EXPORTS_MAX = 64,       /* at once; one a person */
    EXPORT_READERS = 2,     /* connections of the pool that all of them take */
    EXPORT_LIFE_S = 60 * 60 /* a client that is slower than that is cut off */
};

/* Those that are under way. Any thread. */
struct exports;
HUM_MUSTCHECK enum hum_status exports_new(struct pool *pool, struct exports **ret_exports);
/* NULL is fine; none may be under way. */
void exports_free(struct exports *exports);

/* Those that are under way end at the next piece that cannot be had at once. */
void exports_stop(struct exports *exports);

/* One of them; one thread at a time. */
struct export;

/* HUM_RATE_LIMITED: the person has one under way; HUM_UNAVAILABLE: there are too many. */
HUM_MUSTCHECK enum hum_status export_begin(struct exports *exports, int64_t user, int64_t session,
                                           struct export **ret_export);
void export_end(struct export *export);

struct export_piece {
    enum export_section section;
    struct pg_result *rows; /* maybe none; freed with pg_result_free */
    bool last;              /* of its section */
};

/* The next piece, from the first section to the last one's last. HUM_UNAUTHORIZED: the session has
 * ended; HUM_UNAVAILABLE: the database does not answer, all is busy, or it took too long. */
HUM_MUSTCHECK enum hum_status export_next(struct export *export, struct export_piece *ret_piece);

#endif
