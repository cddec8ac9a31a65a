/* Where avatars are made: a few places, each a child process while somebody is in it. Who finds
 * them taken waits, not for long, and not in a crowd; and nobody comes twice at a time. */
#ifndef HUM_AVATAR_STUDIO_H
#define HUM_AVATAR_STUDIO_H

#include "buf.h"
#include "picture.h"
#include "status.h"

enum {
    STUDIO_PLACES = 2,     /* pictures at a time, hence twice sandbox.h's memory at most */
    STUDIO_GUESTS = 32,    /* people with a picture, those who wait for a place included */
    STUDIO_WAIT_MS = 2000, /* for a place */
    STUDIO_WORK_MS = 6000, /* for one picture, by the clock on the wall */
};

struct studio;

/* HUM_INTERNAL: no memory. */
HUM_MUSTCHECK enum hum_status studio_new(struct studio **ret_studio);
/* NULL is fine; nobody may be in it. */
void studio_free(struct studio *studio);

/* Whether a child process starts, and gets to where it would decode. Any thread. */
bool studio_works(struct studio *studio);

struct studio_numbers {
    int in_use;               /* places */
    uint64_t waits, timeouts; /* those that had to wait for one, and of these those that got none */
    uint64_t crowded;         /* those that found STUDIO_GUESTS */
};
/* Any thread. */
void studio_count(struct studio *studio, struct studio_numbers *ret);

/* Appends the avatar (WebP, at most DECODER_OUTPUT_MAX bytes) of a picture that picture_read has
 * found good. HUM_INVALID_REQUEST: it cannot be decoded, or takes more than it may.
 * HUM_RATE_LIMITED: the user has a picture in the studio already. HUM_UNAVAILABLE: there are
 * STUDIO_GUESTS, or no place within STUDIO_WAIT_MS, or the machine was too busy to get it done.
 * HUM_INTERNAL: the child process does not start. Any thread. */
HUM_MUSTCHECK enum hum_status studio_make(struct studio *studio, int64_t user, struct str picture,
                                          struct buf *ret_avatar);

#endif
