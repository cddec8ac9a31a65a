/* Nicknames: RFC 8265, profile UsernameCaseMapped, over the IdentifierClass of RFC 8264. Pure.
 *
 * A nickname has two forms. The display form is what the person typed, in NFC. The key is the form
 * that is compared, and unique: width mapped, lower case, NFC. Letters, digits and marks of any
 * script and all of visible ASCII may be used; spaces, other symbols and punctuation, control,
 * invisible and bidirectional control characters may not.
 *
 * Stricter than the RFC in three points: the joiners U+200C and U+200D are refused everywhere,
 * since they are invisible; a nickname does not begin with a combining mark, which would sit on
 * what stands before it; and the final sigma is compared as a sigma, so that lower case does not
 * depend on what follows a letter, and a prefix of a nickname is a prefix of its key. */
#ifndef HUM_NICKNAME_H
#define HUM_NICKNAME_H

#include "status.h"
#include "str.h"

enum {
    NICKNAME_MIN = 2, /* code points, of either form */
    NICKNAME_MAX = 32,
    NICKNAME_BYTES = 4 * NICKNAME_MAX, /* bytes of the longest form */
};

/* One form of a nickname; also the key of a prefix. */
struct nickname {
    char text[NICKNAME_BYTES + 1]; /* ends with a NUL */
    size_t len;
};

/* Makes both forms. Whatever is wrong is HUM_INVALID_REQUEST; the outputs are then untouched, and
 * ret_why (may be NULL) says what, a constant text. Any thread. */
HUM_MUSTCHECK enum hum_status nickname_prepare(struct str in, struct nickname *ret_display,
                                               struct nickname *ret_key, const char **ret_why);

/* Makes the key that the keys of all nicknames beginning with in begin with. HUM_NOT_FOUND: no
 * nickname can begin like this; HUM_INVALID_REQUEST: not UTF-8, or empty. Any thread. */
HUM_MUSTCHECK enum hum_status nickname_prefix(struct str in, struct nickname *ret_key);

static inline struct str nickname_str(const struct nickname *nickname) {
    return (struct str){nickname->text, nickname->len};
}

#endif
