/* PNG (W3C, Portable Network Graphics, third edition): a signature, then chunks: length, type,
 * data, CRC. The CRCs are the decoder's to check. */
#include "formats.h"

enum { SIGNATURE = 8, CHUNK_MAX = 0x7fffffff };

struct walk {
    struct picture *picture;
    unsigned chunks;
    bool has_data;
};

static bool is(const unsigned char *type, const char *name) { return memcmp(type, name, 4) == 0; }

/* False: this cannot stand here. */
static bool read_chunk(struct walk *walk, const unsigned char *type, struct bytes data) {
    if ((walk->chunks++ == 0) != is(type, "IHDR")) { /* the first, and only there */
        return false;
    }
    if (is(type, "IHDR")) {
        walk->picture->width = bytes_big(&data, 4);
        walk->picture->height = bytes_big(&data, 4);
        return data.left == 5;
    }
    if (is(type, "IDAT")) {
        walk->has_data = true;
    }
    if (is(type, "eXIf") && walk->picture->orientation == 1) {
        walk->picture->orientation = exif_orientation(data);
    }
    return true;
}

enum picture_verdict png_read(struct bytes bytes, struct picture *picture) {
    struct walk walk = {.picture = picture};

    bytes_take(&bytes, SIGNATURE);
    for (;;) {
        size_t len = bytes_big(&bytes, 4);
        const unsigned char *type = bytes_take(&bytes, 4);
        const unsigned char *data = bytes_take(&bytes, len);

        bytes_take(&bytes, 4); /* the CRC */
        if (bytes.failed || !type || len > CHUNK_MAX ||
            !read_chunk(&walk, type, (struct bytes){data, len, false})) {
            return PICTURE_BROKEN;
        }
        if (is(type, "IEND")) {
            break;
        }
    }
    if (!walk.has_data) {
        return PICTURE_BROKEN;
    }
    return bytes.left == 0 ? PICTURE_GOOD : PICTURE_TRAILING;
}
