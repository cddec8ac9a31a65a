#include "address.h"

#include <string.h>

struct range {
    unsigned char bytes[16];
    unsigned bits;
};

/* What RFC 6890 and its registry keep from the public Internet. */
static const struct range not_public_4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* shared with a provider's customers */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local: the metadata of clouds */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, and broadcast */
};

/* Only 2000::/3 is given out for the public; of it these are not. */
static const struct range public_6 = {{0x20}, 3};
static const struct range not_public_6[] = {
    {{0x20, 0x01}, 23},             /* protocol assignments, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 carries an IPv4 address */
    {{0x3f, 0xff}, 20},             /* documentation */
};
/* An IPv4 address behind a translator (RFC 6052): how networks without IPv4 reach it. */
static const struct range translated = {{0x00, 0x64, 0xff, 0x9b}, 96};
/* ::ffff:a.b.c.d */
static const struct range mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};

enum { LEN_4 = 4, LEN_6 = 16, EMBEDDED = 12 };

static bool within(const unsigned char *bytes, const struct range *range) {
    size_t whole = range->bits / 8;
    unsigned rest = range->bits % 8;

    if (memcmp(bytes, range->bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || bytes[whole] >> (8 - rest) == range->bytes[whole] >> (8 - rest);
}

static bool in_any(const unsigned char *bytes, const struct range *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (within(bytes, &list[i])) {
            return true;
        }
    }
    return false;
}

bool address_is_public(const unsigned char *bytes, size_t len) {
    if (len == LEN_4) {
        return !in_any(bytes, not_public_4, sizeof not_public_4 / sizeof not_public_4[0]);
    }
    if (len != LEN_6) {
        return false;
    }
    if (within(bytes, &translated) || within(bytes, &mapped)) {
        return address_is_public(bytes + EMBEDDED, LEN_4);
    }
    return within(bytes, &public_6) &&
           !in_any(bytes, not_public_6, sizeof not_public_6 / sizeof not_public_6[0]);
}

bool address_is_loopback(const unsigned char *bytes, size_t len) {
    static const unsigned char loopback_6[LEN_6] = {[LEN_6 - 1] = 1};

    if (len == LEN_6 && within(bytes, &mapped)) {
        return bytes[EMBEDDED] == 127;
    }
    return (len == LEN_4 && bytes[0] == 127) ||
           (len == LEN_6 && memcmp(bytes, loopback_6, LEN_6) == 0);
}
