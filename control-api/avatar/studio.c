#include "studio.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "child.h"
#include "decoder.h"

struct studio {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int places;
};

enum hum_status studio_new(struct studio **ret_studio) {
    struct studio *studio = calloc(1, sizeof *studio);
    pthread_condattr_t monotonic;

    if (!studio) {
        return HUM_INTERNAL;
    }
    studio->places = STUDIO_PLACES;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&studio->lock, NULL);
    pthread_cond_init(&studio->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret_studio = studio;
    return HUM_OK;
}

void studio_free(struct studio *studio) {
    if (studio) {
        pthread_cond_destroy(&studio->freed);
        pthread_mutex_destroy(&studio->lock);
        free(studio);
    }
}

static bool take_place(struct studio *studio) {
    struct timespec until;
    int waited = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STUDIO_WAIT_MS / 1000;
    pthread_mutex_lock(&studio->lock);
    while (studio->places == 0 && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&studio->freed, &studio->lock, &until);
    }
    bool taken = studio->places > 0;
    studio->places -= taken;
    pthread_mutex_unlock(&studio->lock);
    return taken;
}

static void give_place(struct studio *studio) {
    pthread_mutex_lock(&studio->lock);
    studio->places++;
    pthread_cond_signal(&studio->freed);
    pthread_mutex_unlock(&studio->lock);
}

/* See decoder.h; what the child says is checked like anything from outside: something in it may
 * have turned it. */
static enum hum_status read_answer(const struct buf *answer, struct buf *ret_avatar) {
    const unsigned char *bytes = (const unsigned char *)answer->data;
    size_t len = 0;

    if (answer->failed || answer->len < DECODER_ANSWER_HEADER) {
        return HUM_INVALID_REQUEST;
    }
    for (int i = 0; i < DECODER_ANSWER_HEADER; i++) {
        len = len << 8 | bytes[i];
    }
    if (len == 0 || len != answer->len - DECODER_ANSWER_HEADER) {
        return HUM_INVALID_REQUEST;
    }
    buf_add(ret_avatar, bytes + DECODER_ANSWER_HEADER, len);
    return ret_avatar->failed ? HUM_INTERNAL : HUM_OK;
}

static enum hum_status work(struct str picture, struct buf *ret_avatar) {
    static const char *const argv[] = {"/proc/self/exe", DECODER_ARGUMENT, NULL};
    enum hum_status status = HUM_INTERNAL;
    struct buf answer;

    buf_init(&answer, DECODER_ANSWER_HEADER + DECODER_OUTPUT_MAX);
    switch (child_run(argv, picture, STUDIO_WORK_MS, &answer)) {
    case CHILD_ENDED:
        status = read_answer(&answer, ret_avatar);
        break;
    case CHILD_EXHAUSTED:
        status = HUM_INVALID_REQUEST;
        break;
    case CHILD_LATE:
        status = HUM_UNAVAILABLE;
        break;
    case CHILD_FAILED:
        break;
    }
    buf_free(&answer);
    return status;
}

enum hum_status studio_make(struct studio *studio, struct str picture, struct buf *ret_avatar) {
    if (!take_place(studio)) {
        return HUM_UNAVAILABLE;
    }
    enum hum_status status = work(picture, ret_avatar);
    give_place(studio);
    return status;
}
