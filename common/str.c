#include "str.h"

/* Length of the sequence that starts with this byte, 0 when none can. */
static size_t sequence_length(unsigned char lead) {
    if (lead < 0x80) {
        return lead ? 1 : 0;
    }
    if (lead < 0xc2) {
        return 0;
    }
    if (lead < 0xe0) {
        return 2;
    }
    if (lead < 0xf0) {
        return 3;
    }
    return lead < 0xf5 ? 4 : 0;
}

/* The second byte has narrower bounds after some leads: overlong forms, surrogates, past U+10FFFF.
 */
static bool second_byte_ok(unsigned char lead, unsigned char second) {
    switch (lead) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second < 0xa0;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second < 0x90;
    default:
        return true;
    }
}

bool str_utf8(struct str text, size_t *ret_chars) {
    const unsigned char *p = (const unsigned char *)text.data;
    const unsigned char *end = p + text.len;
    size_t chars = 0;

    while (p < end) {
        size_t len = sequence_length(*p);

        if (len == 0 || (size_t)(end - p) < len || (len > 1 && !second_byte_ok(p[0], p[1]))) {
            return false;
        }
        for (size_t i = 1; i < len; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return false;
            }
        }
        p += len;
        chars++;
    }
    if (ret_chars) {
        *ret_chars = chars;
    }
    return true;
}

bool str_id(struct str text, int64_t *ret_id) {
    uint64_t value = 0;

    if (text.len < 1 || text.len > 19 || text.data[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (value > INT64_MAX) {
        return false;
    }
    *ret_id = (int64_t)value;
    return true;
}

bool str_nonce(struct str text) {
    if (text.len < 1 || text.len > 64) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.' || c == ':' || c == '-')) {
            return false;
        }
    }
    return true;
}
