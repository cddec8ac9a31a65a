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

static const char suffix[] = ".key";

/* The kid in a file's name. False: not a key file. */
static bool kid_of(const char *name, struct str *ret_kid) {
    size_t len = strlen(name);

    if (name[0] == '.' || len <= sizeof suffix - 1 ||
        strcmp(name + len - (sizeof suffix - 1), suffix) != 0) {
        return false;
    }
    *ret_kid = (struct str){name, len - (sizeof suffix - 1)};
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
        if (!kid_of(entry->d_name, &kid)) {
            continue;
        }
        if (keys->count == KEY_MAX || !kid_valid(kid) ||
            !read_key(dirfd(dir), entry->d_name, kid, &keys->list[keys->count])) {
            return HUM_INVALID_REQUEST;
        }
        keys->count++;
    }
    qsort(keys->list, keys->count, sizeof keys->list[0], by_kid);
    return keys->count ? HUM_OK : HUM_NOT_FOUND;
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

static bool write_all(int fd, const unsigned char *bytes, size_t len) {
    while (len > 0) {
        ssize_t wrote = write(fd, bytes, len);

        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return false;
        }
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

/* Written under another name first: a half-written key is never seen under its own. */
static enum hum_status write_new(const char *folder) {
    unsigned char bytes[KEY_LEN];
    char kid[KID_MAX + 1], path[4096], temporary[4200];
    time_t now = time(NULL);
    struct tm tm;

    if (!gmtime_r(&now, &tm) || strftime(kid, sizeof kid, "%Y%m%dT%H%M%SZ", &tm) == 0 ||
        snprintf(path, sizeof path, "%s/%s%s", folder, kid, suffix) >= (int)sizeof path) {
        return HUM_INTERNAL;
    }
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return HUM_INTERNAL;
    }
    randombytes_buf(bytes, sizeof bytes);
    bool written = write_all(fd, bytes, sizeof bytes) && fsync(fd) == 0;
    sodium_memzero(bytes, sizeof bytes);
    if (close(fd) != 0 || !written || rename(temporary, path) != 0) {
        unlink(temporary);
        return HUM_INTERNAL;
    }
    return HUM_OK;
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
    return status == HUM_NOT_FOUND ? write_new(folder) : status;
}

const struct key *keys_newest(const struct keys *keys) { return &keys->list[keys->count - 1]; }

const struct key *keys_find(const struct keys *keys, const char *kid) {
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->list[i].kid, kid) == 0) {
            return &keys->list[i];
        }
    }
    return NULL;
}

void keys_wipe(struct keys *keys) { sodium_memzero(keys, sizeof *keys); }
