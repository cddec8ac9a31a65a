#include "made_up.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { LIKE_TRIES = 3, NUMBERS = 10000, NUMBER_LEN = 5 };

void nickname_make_up(struct nickname *ret_nickname) {
    static const char base32[] = "abcdefghijkmnpqrstuvwxyz23456789";

    memcpy(ret_nickname->text, "user-", 5);
    for (int i = 5; i < 13; i++) {
        ret_nickname->text[i] = base32[randombytes_uniform(sizeof base32 - 1)];
    }
    ret_nickname->text[13] = '\0';
    ret_nickname->len = 13;
}

/* The bytes of its first code points, at most max. */
static size_t stem_len(struct str name, size_t max) {
    size_t len = 0, chars = 0;

    while (len < name.len && chars <= max) {
        chars += ((unsigned char)name.data[len] & 0xc0) != 0x80;
        len += chars <= max;
    }
    return len;
}

/* Spaces, which no nickname has, become underlines. */
bool nickname_like(struct str name, int tries, struct nickname *ret_display,
                   struct nickname *ret_key) {
    char text[NICKNAME_BYTES + NUMBER_LEN + 1];
    size_t len = stem_len(name, tries > 0 ? NICKNAME_MAX - NUMBER_LEN : NICKNAME_MAX);

    if (len == 0 || len > NICKNAME_BYTES || tries >= LIKE_TRIES) {
        return false;
    }
    memcpy(text, name.data, len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ') {
            text[i] = '_';
        }
    }
    if (tries > 0) {
        len += (size_t)snprintf(text + len, sizeof text - len, "-%04u",
                                (unsigned)randombytes_uniform(NUMBERS));
    }
    return nickname_prepare((struct str){text, len}, ret_display, ret_key, NULL) == HUM_OK;
}
