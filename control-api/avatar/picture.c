#include "formats.h"

#include <strings.h>

static const struct {
    const char *start;
    size_t len;
    const char *type;
    enum picture_verdict (*read)(struct bytes bytes, struct picture *picture);
} formats[] = {
    [PICTURE_PNG] = {"\x89PNG\r\n\x1a\n", 8, "image/png", png_read},
    [PICTURE_JPEG] = {"\xff\xd8\xff", 3, "image/jpeg", jpeg_read},
    [PICTURE_WEBP] = {"RIFF", 4, "image/webp", webp_read},
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

static uint32_t number(struct bytes *bytes, size_t size, bool big) {
    const unsigned char *at = bytes_take(bytes, size);
    uint32_t value = 0;

    for (size_t i = 0; at && i < size; i++) {
        value = value << 8 | at[big ? i : size - 1 - i];
    }
    return value;
}

uint32_t bytes_big(struct bytes *bytes, size_t size) { return number(bytes, size, true); }
uint32_t bytes_little(struct bytes *bytes, size_t size) { return number(bytes, size, false); }

static enum picture_verdict check_sides(const struct picture *picture) {
    if (picture->width < PICTURE_SIDE_MIN || picture->height < PICTURE_SIDE_MIN) {
        return PICTURE_TOO_SMALL;
    }
    if (picture->width > PICTURE_SIDE_MAX || picture->height > PICTURE_SIDE_MAX) {
        return PICTURE_TOO_BIG;
    }
    return PICTURE_GOOD;
}

enum picture_verdict picture_read(struct str bytes, struct picture *ret_picture) {
    struct picture picture = {.orientation = 1};
    enum picture_verdict verdict = PICTURE_UNKNOWN;

    for (size_t i = 0; i < FORMATS; i++) {
        if (bytes.len >= formats[i].len &&
            memcmp(bytes.data, formats[i].start, formats[i].len) == 0) {
            picture.format = (enum picture_format)i;
            verdict = formats[i].read(bytes_of(bytes), &picture);
        }
    }
    if (verdict == PICTURE_GOOD) {
        verdict = check_sides(&picture);
    }
    if (verdict == PICTURE_GOOD) {
        *ret_picture = picture;
    }
    return verdict;
}

const char *picture_type(enum picture_format format) { return formats[format].type; }

bool picture_is_type(const char *content_type, enum picture_format format) {
    size_t len = strlen(formats[format].type);

    if (!content_type || strncasecmp(content_type, formats[format].type, len) != 0) {
        return false;
    }
    content_type += len;
    content_type += strspn(content_type, " \t");
    return *content_type == '\0' || *content_type == ';';
}
