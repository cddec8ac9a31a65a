/* What the fuzz targets share. Each target defines LLVMFuzzerTestOneInput: libFuzzer calls it with
 * what it makes up, or replay.c with the files of a corpus. A property that does not hold ends the
 * program. */
#ifndef HUM_FUZZ_H
#define HUM_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* What is left of the input. Past its end come zeros. */
struct input {
    const uint8_t *data;
    size_t left;
};

static inline uint8_t take_byte(struct input *input) {
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->data++;
}

static inline uint64_t take_number(struct input *input, size_t bytes) {
    uint64_t number = 0;

    for (size_t i = 0; i < bytes; i++) {
        number = number << 8 | take_byte(input);
    }
    return number;
}

/* A copy in a block of its own, of exactly that size: AddressSanitizer sees any read behind it.
 * Freed with exact_free. */
static inline struct str exact(const void *bytes, size_t len) {
    char *copy = malloc(len ? len : 1);

    CHECK(copy);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return (struct str){copy, len};
}

static inline void exact_free(struct str text) { free((void *)(uintptr_t)text.data); }

#endif
