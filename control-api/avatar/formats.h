/* The three formats, each walked by a source of its own; picture.h is what others see. */
#ifndef HUM_AVATAR_FORMATS_H
#define HUM_AVATAR_FORMATS_H

#include "picture.h"

/* What is left to be read. Past its end nothing is read, and it has failed for good. */
struct bytes {
    const unsigned char *at;
    size_t left;
    bool failed;
};

static inline struct bytes bytes_of(struct str text) {
    return (struct bytes){(const unsigned char *)text.data, text.len, false};
}

/* The next len bytes; NULL once there are not as many. */
static inline const unsigned char *bytes_take(struct bytes *bytes, size_t len) {
    const unsigned char *start = bytes->at;

    if (bytes->failed || len > bytes->left) {
        bytes->failed = true;
        return NULL;
    }
    bytes->at += len;
    bytes->left -= len;
    return start;
}

/* Numbers of 1 to 4 bytes, the greatest or the least byte first; 0 once there is nothing left. */
uint32_t bytes_big(struct bytes *bytes, size_t size);
uint32_t bytes_little(struct bytes *bytes, size_t size);

/* Each walks a file that begins as its format does. On PICTURE_GOOD the format, the orientation
 * (where EXIF gives one), width and height are set; whether these are within the bounds is the
 * caller's to see. */
enum picture_verdict png_read(struct bytes bytes, struct picture *picture);
enum picture_verdict jpeg_read(struct bytes bytes, struct picture *picture);
enum picture_verdict webp_read(struct bytes bytes, struct picture *picture);

/* The orientation that a TIFF structure (what EXIF is made of) names; 1 when it names none. */
unsigned exif_orientation(struct bytes tiff);

#endif
