/* People's pictures. */
#ifndef HUM_DOMAIN_AVATARS_H
#define HUM_DOMAIN_AVATARS_H

#include "buf.h"
#include "store/avatars.h"

enum { AVATAR_HEX = 2 * AVATAR_HASH_SIZE };

/* An avatar as it is kept. */
struct avatar {
    char hash[AVATAR_HEX + 1]; /* of the bytes, in hexadecimal digits */
    struct buf bytes;          /* WebP */
};

/* Gives the caller an avatar that the studio has made. The same again changes nothing. Event
 * UserProfileUpdated. */
HUM_MUSTCHECK enum hum_status avatars_set(struct pg *pg, int64_t caller, struct str bytes);
/* Takes it away; fine when there is none. Event UserProfileUpdated. */
HUM_MUSTCHECK enum hum_status avatars_remove(struct pg *pg, int64_t caller);
/* HUM_NOT_FOUND: nobody has this id, or they have no picture. ret_avatar->bytes is initialized by
 * the caller, who frees it. */
HUM_MUSTCHECK enum hum_status avatars_get(struct pg *pg, int64_t user, struct avatar *ret_avatar);

#endif
