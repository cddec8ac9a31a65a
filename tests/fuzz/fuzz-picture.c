/* Any bytes as a picture: nothing is read past their end, and what is found good is whole, of a
 * size that is taken, with nothing behind it. */
#include "fuzz.h"

#include "avatar/picture.h"

static bool within(struct str part, struct str all) {
    return part.data >= all.data && part.data <= all.data + all.len &&
           part.len <= (size_t)(all.data + all.len - part.data);
}

static void check_frame(const struct picture *picture, struct str file) {
    CHECK(picture->format == PICTURE_WEBP && within(picture->frame, file));
    CHECK(picture->frame_width >= 1 && picture->frame_height >= 1);
    CHECK(picture->frame_x + picture->frame_width <= picture->width);
    CHECK(picture->frame_y + picture->frame_height <= picture->height);
}

static void check_good(const struct picture *picture, struct str file) {
    CHECK(picture->width >= PICTURE_SIDE_MIN && picture->width <= PICTURE_SIDE_MAX);
    CHECK(picture->height >= PICTURE_SIDE_MIN && picture->height <= PICTURE_SIDE_MAX);
    CHECK(picture->orientation >= 1 && picture->orientation <= 8);
    CHECK(picture_is_type(picture_type(picture->format), picture->format));
    if (picture->frame.data) {
        check_frame(picture, file);
    }
}

static enum picture_verdict read_exact(const void *bytes, size_t len) {
    struct str file = exact(bytes, len);
    struct picture picture = {.width = 7};
    enum picture_verdict verdict = picture_read(file, &picture);

    if (verdict == PICTURE_GOOD) {
        check_good(&picture, file);
    } else {
        CHECK(picture.width == 7);
    }
    exact_free(file);
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum picture_verdict verdict = read_exact(data, size);

    if (verdict == PICTURE_GOOD) {
        CHECK(read_exact(data, size - 1) != PICTURE_GOOD);
        CHECK(read_exact(data, size / 2) != PICTURE_GOOD);
    }
    if (verdict == PICTURE_GOOD || verdict == PICTURE_TRAILING) {
        char *more = malloc(size + 1);

        CHECK(more);
        memcpy(more, data, size);
        more[size] = '<';
        CHECK(read_exact(more, size + 1) == PICTURE_TRAILING);
        free(more);
    }
    return 0;
}
