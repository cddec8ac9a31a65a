#include "render.h"

#include <gd.h>

enum { FLAG_ALPHA = 0x10, VP8X_SIZE = 10, STILL_MAX = 2 * 1024 * 1024 };

/* What libgd has to say goes nowhere: its texts hold what a stranger has sent. */
static void keep_quiet(int priority, const char *format, va_list args) {
    (void)priority;
    (void)format;
    (void)args;
}

static void add_little(struct buf *buf, uint32_t value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * i);

        buf_add(buf, &byte, 1);
    }
}

/* The first frame of an animation as a WebP of its own: libgd knows none that move. */
static void make_still(const struct picture *picture, struct buf *out) {
    buf_text(out, "RIFF");
    add_little(out, (uint32_t)(4 + 8 + VP8X_SIZE + picture->frame.len), 4);
    buf_text(out, "WEBPVP8X");
    add_little(out, VP8X_SIZE, 4);
    add_little(out, FLAG_ALPHA, 4);
    add_little(out, picture->frame_width - 1, 3);
    add_little(out, picture->frame_height - 1, 3);
    buf_add(out, picture->frame.data, picture->frame.len);
}

static gdImagePtr transparent(int width, int height) {
    gdImagePtr image = gdImageCreateTrueColor(width, height);

    if (image) {
        gdImageAlphaBlending(image, 0); /* pixels are put there as they are */
        gdImageSaveAlpha(image, 1);
        gdImageFilledRectangle(image, 0, 0, width - 1, height - 1, gdTrueColorAlpha(0, 0, 0, 127));
    }
    return image;
}

/* An animation's first frame need not cover the picture. */
static gdImagePtr decode_animation(const struct picture *picture) {
    gdImagePtr canvas = NULL, frame = NULL;
    struct buf still;

    buf_init(&still, STILL_MAX);
    make_still(picture, &still);
    if (!still.failed) {
        frame = gdImageCreateFromWebpPtr((int)still.len, still.data);
    }
    buf_free(&still);
    if (frame) {
        canvas = transparent((int)picture->width, (int)picture->height);
    }
    if (canvas) {
        gdImageCopy(canvas, frame, (int)picture->frame_x, (int)picture->frame_y, 0, 0,
                    gdImageSX(frame), gdImageSY(frame));
    }
    gdImageDestroy(frame);
    return canvas;
}

static gdImagePtr decode(struct str file, const struct picture *picture) {
    void *data = (void *)(uintptr_t)file.data; /* libgd only reads it */
    int size = (int)file.len;

    if (picture->frame.data) {
        return decode_animation(picture);
    }
    switch (picture->format) {
    case PICTURE_PNG:
        return gdImageCreateFromPngPtr(size, data);
    case PICTURE_JPEG:
        return gdImageCreateFromJpegPtrEx(size, data, 0); /* a warning is an error */
    case PICTURE_WEBP:
        return gdImageCreateFromWebpPtr(size, data);
    }
    return NULL;
}

/* The square in the middle, scaled. */
static gdImagePtr crop(gdImagePtr image) {
    int width = gdImageSX(image), height = gdImageSY(image);
    int side = width < height ? width : height;
    gdImagePtr square = transparent(AVATAR_SIDE, AVATAR_SIDE);

    if (square) {
        gdImageCopyResampled(square, image, 0, 0, (width - side) / 2, (height - side) / 2,
                             AVATAR_SIDE, AVATAR_SIDE, side, side);
    }
    return square;
}

/* Orientations from 5 on have rows and columns swapped; which ones are mirrored, besides, is a bit
 * for each of them. */
static gdImagePtr hold_up(gdImagePtr square, unsigned orientation) {
    const unsigned mirrored_x = 1u << 2 | 1u << 3 | 1u << 7 | 1u << 8;
    const unsigned mirrored_y = 1u << 3 | 1u << 4 | 1u << 6 | 1u << 7;
    gdImagePtr held = transparent(AVATAR_SIDE, AVATAR_SIDE);

    for (int y = 0; held && y < AVATAR_SIDE; y++) {
        for (int x = 0; x < AVATAR_SIDE; x++) {
            int from_x = orientation >= 5 ? y : x;
            int from_y = orientation >= 5 ? x : y;

            from_x = mirrored_x >> orientation & 1 ? AVATAR_SIDE - 1 - from_x : from_x;
            from_y = mirrored_y >> orientation & 1 ? AVATAR_SIDE - 1 - from_y : from_y;
            gdImageTrueColorPixel(held, x, y) = gdImageTrueColorPixel(square, from_x, from_y);
        }
    }
    return held;
}

static bool encode(gdImagePtr image, struct buf *out) {
    int size = 0;
    void *bytes = gdImageWebpPtrEx(image, &size, AVATAR_QUALITY);

    if (!bytes) {
        return false;
    }
    buf_add(out, bytes, (size_t)size);
    gdFree(bytes);
    return size > 0 && !out->failed;
}

/* Frees the image. */
static bool finish(gdImagePtr image, unsigned orientation, struct buf *out) {
    gdImagePtr square = gdImagePaletteToTrueColor(image) ? crop(image) : NULL;
    gdImagePtr held = square ? hold_up(square, orientation) : NULL;
    bool done = held && encode(held, out);

    gdImageDestroy(held);
    gdImageDestroy(square);
    gdImageDestroy(image);
    return done;
}

bool render_avatar(struct str file, const struct picture *picture, struct buf *out) {
    gdSetErrorMethod(keep_quiet);
    gdImagePtr image = decode(file, picture);

    if (!image) {
        return false;
    }
    if ((uint32_t)gdImageSX(image) != picture->width ||
        (uint32_t)gdImageSY(image) != picture->height) {
        gdImageDestroy(image);
        return false;
    }
    return finish(image, picture->orientation, out);
}
