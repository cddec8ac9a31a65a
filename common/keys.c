#include "keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char suffix[] = ".key", suffix_next[] = ".next";

/* The kid in a file's name. False: not a file of this suffix. */
static bool has_suffix(const char *name, const char *tail, struct str *ret_kid) {
    size_t len = strlen(name), tail_len = strlen(tail);

    if (name[0] == '.' || len <= tail_len || strcmp(name + len - tail_len, tail) != 0) {
        return false;
    }
    *ret_kid = (struct str){name, len - tail_len};
    return true;
}

static bool kid_valid(struct str kid) {
    if (kid.len < 1 || kid.len > KID_MAX) {
        return false;
    }
    for (size_t i = 0; i < kid.len; i++) {
        char c = kid.data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '-')) {
            return false;
        }
    }
    return true;
}

static bool read_key(int folder, const char *name, struct str kid, struct key *ret_key) {
    unsigned char bytes[KEY_LEN + 1]; /* one more, to see that the file is not longer */
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0) {
        return false;
    }
    ssize_t got = read(fd, bytes, sizeof bytes);
    close(fd);
    if (got == KEY_LEN) {
        memcpy(ret_key->bytes, bytes, KEY_LEN);
        memcpy(ret_key->kid, kid.data, kid.len);
        ret_key->kid[kid.len] = '\0';
    }
    sodium_memzero(bytes, sizeof bytes);
    return got == KEY_LEN;
}

static int by_kid(const void *a, const void *b) {
    return strcmp(((const struct key *)a)->kid, ((const struct key *)b)->kid);
}

static enum hum_status read_folder(DIR *dir, struct keys *keys) {
    const struct dirent *entry;
    struct str kid;

    while ((entry = readdir(dir))) {
        bool is_next = has_suffix(entry->d_name, suffix_next, &kid);

        if (!is_next && !has_suffix(entry->d_name, suffix, &kid)) {
            continue;
        }
        if (keys->count == KEY_MAX || !kid_valid(kid) ||
            !read_key(dirfd(dir), entry->d_name, kid, &keys->list[keys->count])) {
            return HUM_INVALID_REQUEST;
        }
        keys->list[keys->count++].is_next = is_next;
    }
    qsort(keys->list, keys->count, sizeof keys->list[0], by_kid);
    return keys_newest(keys) ? HUM_OK : HUM_NOT_FOUND;
}

enum hum_status keys_load(const char *folder, struct keys *ret_keys) {
    struct keys keys = {0};
    DIR *dir = opendir(folder);

    if (!dir) {
        return HUM_NOT_FOUND;
    }
    enum hum_status status = read_folder(dir, &keys);
    closedir(dir);
    if (status == HUM_OK) {
        *ret_keys = keys;
    }
    keys_wipe(&keys);
    return status;
}

static enum hum_status write_new(const char *folder, const char *tail, const char *kid) {
    unsigned char bytes[KEY_LEN];

    randombytes_buf(bytes, sizeof bytes);
    enum hum_status status = keyfile_write(folder, kid, tail, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    return status;
}

static enum hum_status write_first(const char *folder) {
    char kid[KID_MAX + 1];
    enum hum_status status = keyfile_next(NULL, (int64_t)time(NULL), kid);

    return status == HUM_OK ? write_new(folder, suffix, kid) : status;
}

enum hum_status keys_ensure(const char *folder) {
    struct keys keys;

    if (sodium_init() < 0 || (mkdir(folder, 0700) != 0 && errno != EEXIST)) {
        return HUM_INTERNAL;
    }
    enum hum_status status = keys_load(folder, &keys);
    if (status == HUM_OK) {
        keys_wipe(&keys);
    }
    return status == HUM_NOT_FOUND ? write_first(folder) : status;
}

/* Removes the keys that are to sign next, or has them sign. ret_count: how many there were. */
static enum hum_status settle_next(const char *folder, const struct keys *keys, bool sign,
                                   int *ret_count) {
    char path[4096], new_path[4096];

    *ret_count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        const char *kid = keys->list[i].kid;

        if (!keys->list[i].is_next) {
            continue;
        }
        if (snprintf(path, sizeof path, "%s/%s%s", folder, kid, suffix_next) >= (int)sizeof path ||
            snprintf(new_path, sizeof new_path, "%s/%s%s", folder, kid, suffix) >=
                (int)sizeof new_path ||
            (sign ? rename(path, new_path) : unlink(path)) != 0) {
            return HUM_INTERNAL;
        }
        (*ret_count)++;
    }
    return HUM_OK;
}

enum hum_status keys_prune(const char *folder, int64_t life_s) {
    struct keys keys;
    int dropped;
    enum hum_status status = keys_load(folder, &keys);

    if (status != HUM_OK) {
        return status;
    }
    status = settle_next(folder, &keys, false, &dropped);
    if (status == HUM_OK) {
        status = keyfile_prune(folder, suffix, life_s, (int64_t)time(NULL));
    }
    if (status == HUM_OK) {
        status = keys_load(folder, &keys);
    }
    if (status == HUM_OK && keys.count == KEY_MAX) {
        status = HUM_LIMIT_REACHED;
    }
    keys_wipe(&keys);
    return status;
}

enum hum_status keys_add(const char *folder, bool is_next, char ret_kid[KID_MAX + 1]) {
    struct keys keys;
    char kid[KID_MAX + 1];
    enum hum_status status = sodium_init() < 0 ? HUM_INTERNAL : keys_load(folder, &keys);

    if (status != HUM_OK) {
        return status;
    }
    status = keys.count == KEY_MAX
                 ? HUM_LIMIT_REACHED
                 : keyfile_next(keys.list[keys.count - 1].kid, (int64_t)time(NULL), kid);
    keys_wipe(&keys);
    if (status == HUM_OK) {
        status = write_new(folder, is_next ? suffix_next : suffix, kid);
    }
    if (status == HUM_OK) {
        memcpy(ret_kid, kid, sizeof kid);
    }
    return status;
}

enum hum_status keys_use_next(const char *folder) {
    struct keys keys;
    int used = 0;
    enum hum_status status = keys_load(folder, &keys);

    if (status == HUM_OK) {
        status = settle_next(folder, &keys, true, &used);
        keys_wipe(&keys);
    }
    return status == HUM_OK && used == 0 ? HUM_NOT_FOUND : status;
}

const struct key *keys_newest(const struct keys *keys) {
    for (size_t i = keys->count; i-- > 0;) {
        if (!keys->list[i].is_next) {
            return &keys->list[i];
        }
    }
    return NULL;
}

const struct key *keys_find(const struct keys *keys, const char *kid) {
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->list[i].kid, kid) == 0) {
            return &keys->list[i];
        }
    }
    return NULL;
}

void keys_wipe(struct keys *keys) { sodium_memzero(keys, sizeof *keys); }
