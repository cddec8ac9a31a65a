/* WebP (RFC 9649): a RIFF file of chunks. The size of a picture is the one that its bitstream
 * names: whatever decodes it goes by that, so what the headers around it say has to be the same. */
#include "formats.h"

enum {
    RIFF_HEADER = 12, /* "RIFF", a length, "WEBP" */
    FLAG_ANIMATION = 0x02,
    DIMENSION = 0x3fff, /* 14 bits */
};

struct chunk {
    const unsigned char *name;
    struct bytes data;
};

struct size {
    uint32_t width, height;
};

struct walk {
    struct picture *picture;
    unsigned chunks;
    bool animated, has_canvas, has_picture;
};

static bool is(const struct chunk *chunk, const char *name) {
    return memcmp(chunk->name, name, 4) == 0;
}

static bool same(struct size a, struct size b) {
    return a.width == b.width && a.height == b.height;
}

/* Chunks of an odd length are padded. False: there is no whole one. */
static bool take_chunk(struct bytes *bytes, struct chunk *ret) {
    const unsigned char *name = bytes_take(bytes, 4);
    size_t len = bytes_little(bytes, 4);
    const unsigned char *data = bytes_take(bytes, len);

    bytes_take(bytes, len & 1);
    if (bytes->failed || !name) {
        return false;
    }
    *ret = (struct chunk){name, {data, len, false}};
    return true;
}

/* Section 2.5 of RFC 9649 (VP8: RFC 6386, section 9.1): a key frame, its start code, two times 14
 * bits. */
static bool read_lossy(struct bytes data, struct size *ret) {
    uint32_t tag = bytes_little(&data, 3);
    uint32_t start = bytes_big(&data, 3);

    ret->width = bytes_little(&data, 2) & DIMENSION;
    ret->height = bytes_little(&data, 2) & DIMENSION;
    return !data.failed && (tag & 1) == 0 && start == 0x9d012a;
}

/* Section 3.4: a signature, 14 bits each, less one. */
static bool read_lossless(struct bytes data, struct size *ret) {
    uint32_t signature = bytes_little(&data, 1);
    uint32_t bits = bytes_little(&data, 4);

    ret->width = (bits & DIMENSION) + 1;
    ret->height = (bits >> 14 & DIMENSION) + 1;
    return !data.failed && signature == 0x2f;
}

/* ret_is: whether the chunk is a bitstream at all. False: it is a broken one. */
static bool read_bitstream(const struct chunk *chunk, struct size *ret, bool *ret_is) {
    bool lossy = is(chunk, "VP8 ");

    *ret_is = lossy || is(chunk, "VP8L");
    return !*ret_is || (lossy ? read_lossy(chunk->data, ret) : read_lossless(chunk->data, ret));
}

static bool read_canvas(struct walk *walk, struct bytes data) {
    walk->animated = bytes_little(&data, 1) & FLAG_ANIMATION;
    bytes_take(&data, 3);
    walk->picture->width = bytes_little(&data, 3) + 1;
    walk->picture->height = bytes_little(&data, 3) + 1;
    walk->has_canvas = true;
    return !data.failed;
}

/* The chunks of a frame: alpha, maybe, and one bitstream of its size. */
static bool check_frame(const struct picture *picture) {
    struct bytes bytes = bytes_of(picture->frame);
    unsigned bitstreams = 0;
    struct chunk chunk;
    struct size size;
    bool is_bitstream;

    while (bytes.left > 0) {
        if (!take_chunk(&bytes, &chunk) || !read_bitstream(&chunk, &size, &is_bitstream)) {
            return false;
        }
        if (is_bitstream) {
            bitstreams++;
            if (!same(size, (struct size){picture->frame_width, picture->frame_height})) {
                return false;
            }
        }
    }
    return bitstreams == 1;
}

/* Of the first frame. It lies within the canvas; the others are never looked at. */
static bool read_frame(struct walk *walk, struct bytes data) {
    struct picture *picture = walk->picture;

    if (walk->has_picture) {
        return true;
    }
    picture->frame_x = bytes_little(&data, 3) * 2;
    picture->frame_y = bytes_little(&data, 3) * 2;
    picture->frame_width = bytes_little(&data, 3) + 1;
    picture->frame_height = bytes_little(&data, 3) + 1;
    bytes_take(&data, 4); /* how long, and how it is blended */
    if (data.failed || picture->frame_x + picture->frame_width > picture->width ||
        picture->frame_y + picture->frame_height > picture->height) {
        return false;
    }
    picture->frame = (struct str){(const char *)data.at, data.left};
    walk->has_picture = true;
    return check_frame(picture);
}

/* The one bitstream of a picture that does not move. */
static bool read_still(struct walk *walk, const struct chunk *chunk) {
    struct size size, canvas = {walk->picture->width, walk->picture->height};
    bool is_bitstream;

    if (!read_bitstream(chunk, &size, &is_bitstream)) {
        return false;
    }
    if (!is_bitstream) {
        return true;
    }
    if (walk->animated || walk->has_picture || (walk->has_canvas && !same(size, canvas))) {
        return false;
    }
    walk->picture->width = size.width;
    walk->picture->height = size.height;
    walk->has_picture = true;
    return true;
}

/* Some programs write EXIF as it stands in a JPEG. */
static void read_exif(struct walk *walk, struct bytes data) {
    if (data.left >= 6 && memcmp(data.at, "Exif\0\0", 6) == 0) {
        bytes_take(&data, 6);
    }
    if (walk->picture->orientation == 1) {
        walk->picture->orientation = exif_orientation(data);
    }
}

static bool read_chunk(struct walk *walk, const struct chunk *chunk) {
    bool first = walk->chunks++ == 0;

    if (is(chunk, "VP8X")) {
        return first && read_canvas(walk, chunk->data);
    }
    if (first && !is(chunk, "VP8 ") && !is(chunk, "VP8L")) {
        return false;
    }
    if (is(chunk, "ANMF")) {
        return walk->animated && read_frame(walk, chunk->data);
    }
    if (is(chunk, "EXIF")) {
        read_exif(walk, chunk->data);
    }
    return read_still(walk, chunk);
}

enum picture_verdict webp_read(struct bytes bytes, struct picture *picture) {
    const unsigned char *header = bytes_take(&bytes, RIFF_HEADER);
    struct walk walk = {.picture = picture};
    struct chunk chunk;

    if (!header || memcmp(header + 8, "WEBP", 4) != 0) {
        return PICTURE_UNKNOWN;
    }
    struct bytes length = {header + 4, 4, false};
    size_t size = bytes_little(&length, 4);
    if (size < 4 || size - 4 > bytes.left) {
        return PICTURE_BROKEN;
    }
    bool trailing = size - 4 < bytes.left;
    bytes.left = size - 4;
    while (bytes.left > 0) {
        if (!take_chunk(&bytes, &chunk) || !read_chunk(&walk, &chunk)) {
            return PICTURE_BROKEN;
        }
    }
    if (!walk.has_picture) {
        return PICTURE_BROKEN;
    }
    return trailing ? PICTURE_TRAILING : PICTURE_GOOD;
}
