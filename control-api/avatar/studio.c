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
    uint64_t waits, timeouts, crowded;
    int64_t guests[STUDIO_GUESTS]; /* 0: nobody */
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

/* With the lock held. */
static enum hum_status let_in(struct studio *studio, int64_t user, int64_t **ret_guest) {
    int64_t *free_ = NULL;

    for (size_t i = 0; i < STUDIO_GUESTS; i++) {
        if (studio->guests[i] == user) {
            return HUM_RATE_LIMITED;
        }
        if (studio->guests[i] == 0) {
            free_ = &studio->guests[i];
        }
    }
    if (!free_) {
        studio->crowded++;
        return HUM_UNAVAILABLE;
    }
    *free_ = user;
    *ret_guest = free_;
    return HUM_OK;
}

/* With the lock held. */
static bool take_place(struct studio *studio) {
    struct timespec until;
    int waited = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STUDIO_WAIT_MS / 1000;
    studio->waits += studio->places == 0;
    while (studio->places == 0 && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&studio->freed, &studio->lock, &until);
    }
    bool taken = studio->places > 0;
    studio->places -= taken;
    studio->timeouts += !taken;
    return taken;
}

static enum hum_status enter(struct studio *studio, int64_t user, int64_t **ret_guest) {
    pthread_mutex_lock(&studio->lock);
    enum hum_status status = let_in(studio, user, ret_guest);
    if (status == HUM_OK && !take_place(studio)) {
        **ret_guest = 0;
        status = HUM_UNAVAILABLE;
    }
    pthread_mutex_unlock(&studio->lock);
    return status;
}

static void leave(struct studio *studio, int64_t *guest) {
    pthread_mutex_lock(&studio->lock);
    *guest = 0;
    studio->places++;
    pthread_cond_signal(&studio->freed);
    pthread_mutex_unlock(&studio->lock);
}

void studio_count(struct studio *studio, struct studio_numbers *ret) {
    pthread_mutex_lock(&studio->lock);
    *ret = (struct studio_numbers){
        .in_use = STUDIO_PLACES - studio->places,
        .waits = studio->waits,
        .timeouts = studio->timeouts,
        .crowded = studio->crowded,
    };
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

enum hum_status studio_make(struct studio *studio, int64_t user, struct str picture,
                            struct buf *ret_avatar) {
    int64_t *guest;
    enum hum_status status = enter(studio, user, &guest);

    if (status == HUM_OK) {
        status = work(picture, ret_avatar);
        leave(studio, guest);
    }
    return status;
}

/* Given nothing, it says that this cannot be decoded. */
bool studio_works(struct studio *studio) {
    struct buf avatar;

    buf_init(&avatar, 1);
    enum hum_status status = studio_make(studio, -1, str_of(""), &avatar);
    buf_free(&avatar);
    return status == HUM_INVALID_REQUEST;
}
