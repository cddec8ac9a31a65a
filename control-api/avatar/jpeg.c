/* JPEG (ITU-T T.81, annex B): markers, most of them with a segment; behind a start of scan, data
 * until the next marker. */
#include "formats.h"

enum {
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
    APP1 = 0xe1,
    DHT = 0xc4,
    JPG = 0xc8,
    DAC = 0xcc,
    RST0 = 0xd0,
    RST7 = 0xd7,
    TEM = 0x01,
};

struct walk {
    struct picture *picture;
    bool has_frame, has_scan;
};

static bool is_frame(unsigned marker) {
    return (marker & 0xf0) == 0xc0 && marker != DHT && marker != JPG && marker != DAC;
}

/* One that stands alone cannot stand between segments. */
static bool is_misplaced(unsigned marker) {
    return marker == 0 || marker == TEM || (marker >= RST0 && marker <= SOI);
}

/* The next marker; any number of 0xff may stand before it. */
static unsigned take_marker(struct bytes *bytes) {
    const unsigned char *at = bytes_take(bytes, 1);

    if (!at || *at != 0xff) {
        bytes->failed = true;
        return 0;
    }
    while (at && *at == 0xff) {
        at = bytes_take(bytes, 1);
    }
    return at ? *at : 0;
}

/* To the 0xff of the marker that ends a scan's data: one not stuffed, nor a restart. */
static void skip_scan(struct bytes *bytes) {
    while (bytes->left > 1) {
        const unsigned char *found = memchr(bytes->at, 0xff, bytes->left - 1);

        if (!found) {
            break;
        }
        bytes_take(bytes, (size_t)(found - bytes->at));
        if (found[1] != 0 && found[1] != 0xff && !(found[1] >= RST0 && found[1] <= RST7)) {
            return;
        }
        bytes_take(bytes, found[1] == 0xff ? 1 : 2);
    }
    bytes->failed = true;
}

static void read_app1(struct walk *walk, struct bytes segment) {
    const unsigned char *name = bytes_take(&segment, 6);

    if (name && memcmp(name, "Exif\0\0", 6) == 0 && walk->picture->orientation == 1) {
        walk->picture->orientation = exif_orientation(segment);
    }
}

/* Precision, height, width. A second frame is none of the processes that decoders know. */
static bool read_frame(struct walk *walk, struct bytes segment) {
    bytes_take(&segment, 1);
    walk->picture->height = bytes_big(&segment, 2);
    walk->picture->width = bytes_big(&segment, 2);
    if (walk->has_frame || segment.failed) {
        return false;
    }
    walk->has_frame = true;
    return true;
}

static bool read_segment(struct walk *walk, unsigned marker, struct bytes *bytes) {
    size_t len = bytes_big(bytes, 2);
    const unsigned char *data = bytes_take(bytes, len < 2 ? SIZE_MAX : len - 2);
    struct bytes segment = {data, len - 2, false};

    if (!data) {
        return false;
    }
    if (marker == APP1) {
        read_app1(walk, segment);
    } else if (is_frame(marker)) {
        return read_frame(walk, segment);
    } else if (marker == SOS) {
        walk->has_scan = true;
        skip_scan(bytes);
    }
    return true;
}

enum picture_verdict jpeg_read(struct bytes bytes, struct picture *picture) {
    struct walk walk = {.picture = picture};

    bytes_take(&bytes, 2); /* SOI */
    for (;;) {
        unsigned marker = take_marker(&bytes);

        if (bytes.failed || is_misplaced(marker)) {
            return PICTURE_BROKEN;
        }
        if (marker == EOI) {
            break;
        }
        if (!read_segment(&walk, marker, &bytes)) {
            return PICTURE_BROKEN;
        }
    }
    if (!walk.has_frame || !walk.has_scan) {
        return PICTURE_BROKEN;
    }
    return bytes.left == 0 ? PICTURE_GOOD : PICTURE_TRAILING;
}
