/* People: who there is, and one's own profile. */
#ifndef HUM_DOMAIN_USERS_H
#define HUM_DOMAIN_USERS_H

#include "nickname.h"
#include "store/users.h"

enum { ABOUT_MAX = 500 }; /* code points */

/* One row. HUM_NOT_FOUND: nobody has this id. ret_rows is freed with pg_result_free. */
HUM_MUSTCHECK enum hum_status users_get(struct pg *pg, int64_t id, struct pg_result **ret_rows);
/* The same; also of somebody who has erased their account. */
HUM_MUSTCHECK enum hum_status users_get_any(struct pg *pg, int64_t id, struct pg_result **ret_rows);

/* As users_get, for those who want nothing else of the database. Call it with no connection in
 * hand: it takes one itself, for all who share the trip. */
HUM_MUSTCHECK enum hum_status users_read(struct reads *reads, int64_t id,
                                         struct pg_result **ret_rows);

/* As store_users_search. */
HUM_MUSTCHECK enum hum_status users_search(struct pg *pg, int64_t caller, struct str prefix,
                                           const struct search_place *after, int limit,
                                           struct pg_result **ret_rows);

struct profile_change {
    struct nickname nickname; /* .len 0: stays */
    struct nickname nickname_key;
    struct str about; /* .data NULL: stays */
};

/* Changes one's profile; a change of nothing is none. Event UserProfileUpdated. HUM_NICKNAME_TAKEN.
 */
HUM_MUSTCHECK enum hum_status users_change_profile(struct pg *pg, int64_t caller,
                                                   const struct profile_change *change);

#endif
