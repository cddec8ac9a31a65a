/* What a file says of itself before anything decodes it: PNG, JPEG or WebP, walked from its first
 * byte to its last. Hostile bytes are the rule here. Pure. */
#ifndef HUM_AVATAR_PICTURE_H
#define HUM_AVATAR_PICTURE_H

#include "str.h"

enum {
    PICTURE_SIDE_MIN = 16,   /* pixels */
    PICTURE_SIDE_MAX = 4096, /* hence at most 16 megapixels */
};

enum picture_format { PICTURE_PNG, PICTURE_JPEG, PICTURE_WEBP };

struct picture {
    enum picture_format format;
    uint32_t width, height;
    /* How to hold it up, as EXIF has it: 1 as it is, 2 to 8 mirrored, turned or both. */
    unsigned orientation;
    /* Of an animated WebP: the chunks of its first frame, and where on the picture that stands.
     * .data NULL: not animated. */
    struct str frame;
    uint32_t frame_x, frame_y, frame_width, frame_height;
};

enum picture_verdict {
    PICTURE_GOOD,
    PICTURE_UNKNOWN,   /* none of the three */
    PICTURE_BROKEN,    /* it ends too early, or contradicts itself */
    PICTURE_TRAILING,  /* something stands behind its end, and it may be another file as well */
    PICTURE_TOO_SMALL, /* a side has fewer than PICTURE_SIDE_MIN pixels */
    PICTURE_TOO_BIG,   /* a side has more than PICTURE_SIDE_MAX */
};

/* ret_picture is set on PICTURE_GOOD only; its frame points into bytes. Any thread. */
enum picture_verdict picture_read(struct str bytes, struct picture *ret_picture);

/* The media type, as in Content-Type. */
const char *picture_type(enum picture_format format);
/* Whether a Content-Type (NULL: none) is that media type, parameters aside. */
bool picture_is_type(const char *content_type, enum picture_format format);

#endif
