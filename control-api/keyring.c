#include "keyring.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct keyring {
    char *folder;
    pthread_mutex_t lock;
    struct keyset *now; /* held once by the keyring itself */
};

static void free_keyset(struct keyset *keyset) {
    if (!keyset) {
        return;
    }
    tokens_close(keyset->tokens);
    keys_wipe(&keyset->mail);
    keys_wipe(&keyset->refresh);
    keys_wipe(&keyset->mqtt);
    free(keyset);
}

static enum hum_status load_keys(const char *path, struct keyset *keyset, size_t kind) {
    switch (kind) {
    case 0:
        return keys_load(path, &keyset->mqtt);
    case 1:
        return keys_load(path, &keyset->refresh);
    case 2:
        return keys_load(path, &keyset->mail);
    default:
        return tokens_open(path, &keyset->tokens);
    }
}

static enum hum_status load(const char *folder, struct keyset *keyset, char **ret_wrong) {
    static const char *const names[] = {"mqtt", "refresh", "mail", "api"};
    char *path = NULL;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (asprintf(&path, "%s/%s", folder, names[i]) < 0) {
            *ret_wrong = NULL;
            return HUM_INTERNAL;
        }
        errno = 0;
        enum hum_status status = load_keys(path, keyset, i);
        if (status != HUM_OK) {
            *ret_wrong = path;
            return status;
        }
        free(path);
    }
    return HUM_OK;
}

static enum hum_status make(const char *folder, struct keyset **ret_keyset, char **ret_wrong) {
    struct keyset *keyset = calloc(1, sizeof *keyset);

    *ret_wrong = NULL;
    if (!keyset) {
        return HUM_INTERNAL;
    }
    enum hum_status status = load(folder, keyset, ret_wrong);
    if (status != HUM_OK) {
        free_keyset(keyset);
        return status;
    }
    keyset->holders = 1;
    *ret_keyset = keyset;
    return HUM_OK;
}

enum hum_status keyring_open(const char *folder, struct keyring **ret_keyring, char **ret_wrong) {
    struct keyring *keyring = calloc(1, sizeof *keyring);

    *ret_wrong = NULL;
    if (!keyring || !(keyring->folder = strdup(folder))) {
        free(keyring);
        return HUM_INTERNAL;
    }
    enum hum_status status = make(folder, &keyring->now, ret_wrong);
    if (status != HUM_OK) {
        free(keyring->folder);
        free(keyring);
        return status;
    }
    pthread_mutex_init(&keyring->lock, NULL);
    *ret_keyring = keyring;
    return HUM_OK;
}

enum hum_status keyring_reload(struct keyring *keyring, char **ret_wrong) {
    struct keyset *fresh;
    enum hum_status status = make(keyring->folder, &fresh, ret_wrong);

    if (status == HUM_OK) {
        pthread_mutex_lock(&keyring->lock);
        struct keyset *old = keyring->now;
        keyring->now = fresh;
        pthread_mutex_unlock(&keyring->lock);
        keyring_give(keyring, old);
    }
    return status;
}

void keyring_close(struct keyring *keyring) {
    if (keyring) {
        free_keyset(keyring->now);
        pthread_mutex_destroy(&keyring->lock);
        free(keyring->folder);
        free(keyring);
    }
}

const struct keyset *keyring_take(struct keyring *keyring) {
    pthread_mutex_lock(&keyring->lock);
    struct keyset *keyset = keyring->now;
    keyset->holders++;
    pthread_mutex_unlock(&keyring->lock);
    return keyset;
}

void keyring_give(struct keyring *keyring, const struct keyset *given) {
    struct keyset *keyset = (struct keyset *)(uintptr_t)given;

    pthread_mutex_lock(&keyring->lock);
    bool is_last = --keyset->holders == 0;
    pthread_mutex_unlock(&keyring->lock);
    if (is_last) {
        free_keyset(keyset);
    }
}
