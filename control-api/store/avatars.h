/* Pictures of people, each kept once. */
#ifndef HUM_STORE_AVATARS_H
#define HUM_STORE_AVATARS_H

#include "pg.h"

enum { AVATAR_HASH_SIZE = 32 }; /* bytes: SHA-256 */

/* Gives a person a picture, or takes theirs away (hash and body .data NULL). ret_changed: they had
 * another one before. */
HUM_MUSTCHECK enum pg_outcome store_avatar_set(struct pg *pg, int64_t user, struct str hash,
                                               struct str body, bool *ret_changed);
/* None or one row: hash and body, as hexadecimal digits. */
HUM_MUSTCHECK enum pg_outcome store_avatar_get(struct pg *pg, int64_t user,
                                               struct pg_result **ret_rows);

extern const struct pg_statement *const store_avatars_statements[];
extern const size_t store_avatars_statements_count;

#endif
