#include "passwords.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ARGON_PASSES = 2, ARGON_MEMORY = 19 * 1024 * 1024 };

_Static_assert(PASSWORD_HASH_MAX >= crypto_pwhash_STRBYTES, "room for a hash");

struct passwords {
    char nobody[PASSWORD_HASH_MAX]; /* the hash of a password that nobody knows */
    long size;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t freed;
    long permits, waiting;
    int64_t usual_us; /* what one takes, lately */
    uint64_t waits, timeouts, crowded;
};

static bool make_hash(struct str password, char ret_hash[PASSWORD_HASH_MAX]) {
    return crypto_pwhash_str_alg(ret_hash, password.data, password.len, ARGON_PASSES, ARGON_MEMORY,
                                 crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static int64_t steady_us(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

enum hum_status passwords_new(struct passwords **ret_passwords) {
    struct passwords *passwords = calloc(1, sizeof *passwords);
    char unknown[32];
    pthread_condattr_t monotonic;

    if (!passwords || sodium_init() < 0) {
        free(passwords);
        return HUM_INTERNAL;
    }
    randombytes_buf(unknown, sizeof unknown);
    int64_t began_us = steady_us();
    if (!make_hash((struct str){unknown, sizeof unknown}, passwords->nobody)) {
        free(passwords);
        return HUM_INTERNAL;
    }
    passwords->usual_us = steady_us() - began_us;
    passwords->permits = sysconf(_SC_NPROCESSORS_ONLN);
    if (passwords->permits < 1) {
        passwords->permits = 1;
    }
    passwords->size = passwords->permits;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&passwords->lock, NULL);
    pthread_cond_init(&passwords->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret_passwords = passwords;
    return HUM_OK;
}

void passwords_free(struct passwords *passwords) {
    if (passwords) {
        pthread_cond_destroy(&passwords->freed);
        pthread_mutex_destroy(&passwords->lock);
        free(passwords);
    }
}

static bool take_permit(struct passwords *passwords) {
    struct timespec until;
    bool taken = true;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PASSWORD_WAIT_MS / 1000;
    pthread_mutex_lock(&passwords->lock);
    passwords->waits += passwords->permits == 0;
    passwords->waiting++;
    while (passwords->permits == 0 && taken) {
        taken = pthread_cond_timedwait(&passwords->freed, &passwords->lock, &until) != ETIMEDOUT;
    }
    passwords->waiting--;
    taken = passwords->permits > 0;
    if (taken) {
        passwords->permits--;
    } else {
        passwords->timeouts++;
    }
    pthread_mutex_unlock(&passwords->lock);
    return taken;
}

static void give_permit(struct passwords *passwords, int64_t began_us) {
    int64_t took_us = steady_us() - began_us;

    pthread_mutex_lock(&passwords->lock);
    passwords->usual_us += (took_us - passwords->usual_us) / 8;
    passwords->permits++;
    pthread_cond_signal(&passwords->freed);
    pthread_mutex_unlock(&passwords->lock);
}

bool passwords_crowded(struct passwords *passwords) {
    pthread_mutex_lock(&passwords->lock);
    int64_t wait_us = passwords->waiting * passwords->usual_us / passwords->size;
    bool crowded = wait_us > PASSWORD_WAIT_MS * 1000 / 2;
    passwords->crowded += crowded;
    pthread_mutex_unlock(&passwords->lock);
    return crowded;
}

void passwords_count(struct passwords *passwords, struct passwords_numbers *ret) {
    pthread_mutex_lock(&passwords->lock);
    *ret = (struct passwords_numbers){
        .permits = passwords->size,
        .in_use = passwords->size - passwords->permits,
        .waits = passwords->waits,
        .timeouts = passwords->timeouts,
        .crowded = passwords->crowded,
    };
    pthread_mutex_unlock(&passwords->lock);
}

enum hum_status passwords_hash(struct passwords *passwords, struct str password,
                               char ret_hash[PASSWORD_HASH_MAX]) {
    if (!take_permit(passwords)) {
        return HUM_UNAVAILABLE;
    }
    int64_t began_us = steady_us();
    bool made = make_hash(password, ret_hash);
    give_permit(passwords, began_us);
    return made ? HUM_OK : HUM_INTERNAL;
}

enum hum_status passwords_verify(struct passwords *passwords, const char *hash,
                                 struct str password) {
    if (!take_permit(passwords)) {
        return HUM_UNAVAILABLE;
    }
    int64_t began_us = steady_us();
    int wrong =
        crypto_pwhash_str_verify(hash ? hash : passwords->nobody, password.data, password.len);
    give_permit(passwords, began_us);
    return wrong || !hash ? HUM_INVALID_CREDENTIALS : HUM_OK;
}
