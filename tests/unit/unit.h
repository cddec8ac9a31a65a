/* What the unit tests share: cmocka with the headers it wants first, copies that end where their
 * text ends, and numbers that look random and are the same in every run. */
#ifndef HUM_UNIT_H
#define HUM_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "str.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A copy without a NUL, in a block of its own: AddressSanitizer sees any read behind it. */
static inline struct str exact_bytes(const void *bytes, size_t len) {
    char *copy = malloc(len);

    assert_true(copy || len == 0);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return (struct str){copy, len};
}

static inline struct str exact(const char *text) { return exact_bytes(text, strlen(text)); }

static inline void exact_free(struct str text) { free((void *)(uintptr_t)text.data); }

/* SplitMix64. */
static uint64_t dice_state = 0x68756d;

static inline uint64_t dice(uint64_t sides) {
    uint64_t z = (dice_state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % sides;
}

#endif
