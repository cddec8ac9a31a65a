/* The child process that makes one avatar: "hum-api avatar" reads a picture from its standard input
 * and writes the answer to its standard output. */
#ifndef HUM_AVATAR_DECODER_H
#define HUM_AVATAR_DECODER_H

#include <stdint.h>

enum {
    DECODER_INPUT_MAX = 1024 * 1024, /* bytes */
    DECODER_OUTPUT_MAX = 256 * 1024, /* of an avatar */
};

#define DECODER_ARGUMENT "avatar"

/* The answer: how many bytes the avatar has, 4 of them, the greatest first, then the avatar. 0: the
 * picture cannot be decoded. An answer that ends early is none. */
enum { DECODER_ANSWER_HEADER = 4 };

/* All that the process does. Returns its exit status: 0 once it has answered. */
int decoder_main(void);

#endif
