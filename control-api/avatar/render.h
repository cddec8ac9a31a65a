/* From a picture's file to an avatar: decoded by libgd, cropped to its middle square, scaled, held
 * up as EXIF says, and written anew as WebP, so that of the file nothing is left but what one sees.
 * For the child process alone: it decodes what anybody has sent. */
#ifndef HUM_AVATAR_RENDER_H
#define HUM_AVATAR_RENDER_H

#include "buf.h"
#include "picture.h"
#include "status.h"

enum {
    AVATAR_SIDE = 256, /* pixels */
    AVATAR_QUALITY = 80,
};

/* picture is what picture_read has read of file. False: it cannot be decoded, or there is no memory
 * for it. One thread. */
HUM_MUSTCHECK bool render_avatar(struct str file, const struct picture *picture, struct buf *out);

#endif
