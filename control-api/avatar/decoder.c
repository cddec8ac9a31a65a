#include "decoder.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "render.h"
#include "sandbox.h"

/* One byte more than may come: then it is too much. */
static bool read_all(struct buf *in) {
    char chunk[16 * 1024];

    for (;;) {
        ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 && !in->failed;
        }
        buf_add(in, chunk, (size_t)got);
    }
}

static bool write_all(const struct buf *out) {
    for (size_t done = 0; done < out->len;) {
        ssize_t put = write(STDOUT_FILENO, out->data + done, out->len - done);

        if (put < 0 && errno != EINTR) {
            return false;
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return true;
}

static void make(const struct buf *in, struct buf *avatar) {
    struct str file = {in->data, in->len};
    struct picture picture;

    if (picture_read(file, &picture) != PICTURE_GOOD || !render_avatar(file, &picture, avatar)) {
        buf_reset(avatar);
    }
}

int decoder_main(void) {
    struct buf in, avatar, answer;

    buf_init(&in, DECODER_INPUT_MAX);
    buf_init(&avatar, DECODER_OUTPUT_MAX);
    buf_init(&answer, DECODER_ANSWER_HEADER + DECODER_OUTPUT_MAX);
    if (!sandbox_enter() || !read_all(&in)) {
        return EXIT_FAILURE;
    }
    make(&in, &avatar);
    buf_be32(&answer, (uint32_t)avatar.len);
    buf_add(&answer, avatar.data, avatar.len);
    bool done = !answer.failed && write_all(&answer);
    buf_free(&answer);
    buf_free(&avatar);
    buf_free(&in);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
