/* A piece of text that knows its length and is owned by somebody else. */
#ifndef HUM_STR_H
#define HUM_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *data; /* not terminated by a NUL, unless said otherwise; NULL for "not there" */
    size_t len;
};

static inline struct str str_of(const char *text) {
    return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_equal(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Whether the bytes are well-formed UTF-8 without a NUL (RFC 3629: shortest form, no surrogates).
 * ret_chars (may be NULL) gets the number of code points. Any thread. */
bool str_utf8(struct str text, size_t *ret_chars);

/* Reads an id or a number: decimal, no sign, no leading zero, 1 to 2^63-1, nothing around it.
 * ret_id is untouched on failure. Any thread. */
bool str_id(struct str text, int64_t *ret_id);

/* A client's nonce: [A-Za-z0-9_.:-]{1,64}. Any thread. */
bool str_nonce(struct str text);

#endif
