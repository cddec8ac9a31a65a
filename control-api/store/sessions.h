/* Sessions: signed-in devices. A session ends SESSION_LIFE_DAYS after its last refresh. */
#ifndef HUM_STORE_SESSIONS_H
#define HUM_STORE_SESSIONS_H

#include "pg.h"

#define SESSION_LIFE_DAYS 90
enum { SESSION_SEED_LEN = 32 };

struct session {
    int64_t id;
    int64_t user;
    int64_t expires_at; /* seconds since 1970 */
    int32_t generation; /* of the refresh token that was issued last */
    unsigned char seed[SESSION_SEED_LEN];
};

/* Adds a session with user and seed of *session, generation 1; sets its id and its end. */
HUM_MUSTCHECK enum pg_outcome store_session_add(struct pg *pg, struct session *session,
                                                struct str device_name, struct str device_kind);
/* Locks a session until the transaction ends. *ret_found is false when it does not exist, was
 * revoked or is over; ret_session is then untouched. */
HUM_MUSTCHECK enum pg_outcome store_session_lock(struct pg *pg, int64_t id, bool *ret_found,
                                                 struct session *ret_session);
/* Moves a locked session on to its next refresh token, and its end with it. */
HUM_MUSTCHECK enum pg_outcome store_session_advance(struct pg *pg, struct session *session);
/* Ends a session; *ret_ended is false when it had ended before. */
HUM_MUSTCHECK enum pg_outcome store_session_revoke(struct pg *pg, int64_t user, int64_t id,
                                                   bool *ret_ended);
/* Ends all sessions of a user but one (0: all), each with its event SessionRevoked and a word to
 * the broker. */
HUM_MUSTCHECK enum pg_outcome store_session_end_all(struct pg *pg, int64_t user, int64_t except);

/* The same with all but those that were seen last, as many as keep says. ret_ended: whether there
 * were such. */
HUM_MUSTCHECK enum pg_outcome store_session_end_surplus(struct pg *pg, int64_t user, int keep,
                                                        bool *ret_ended);

/* What its owner sees of a session. The texts live as long as the rows. */
struct session_row {
    int64_t id;
    struct str device_name, device_kind;
    int64_t created_at, last_seen_at; /* milliseconds since 1970 */
};

/* The living sessions of a user whose ids are above after, ascending. */
HUM_MUSTCHECK enum pg_outcome store_sessions_list(struct pg *pg, int64_t user, int64_t after,
                                                  int limit, struct pg_result **ret_rows);
struct session_row store_session_at(const struct pg_result *rows, size_t row);

HUM_MUSTCHECK enum pg_outcome store_session_alive(struct pg *pg, int64_t user, int64_t id,
                                                  bool *ret_alive);
/* None (the session does not live) or one row, freed with pg_result_free: column 0 the nickname of
 * its user. */
HUM_MUSTCHECK enum pg_outcome store_session_holder(struct pg *pg, int64_t user, int64_t id,
                                                   struct pg_result **ret_rows);
/* Sets when they were seen last, to now. */
HUM_MUSTCHECK enum pg_outcome store_sessions_seen(struct pg *pg, const int64_t *ids, size_t count);
/* Removes some of those that have ended long ago. */
HUM_MUSTCHECK enum pg_outcome store_sessions_sweep(struct pg *pg, int limit);

extern const struct pg_statement *const store_sessions_statements[];
extern const size_t store_sessions_statements_count;

#endif
