#include "keyfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char format[] = "%Y%m%dT%H%M%SZ";
enum { TIMED_LEN = 16, PATH_SIZE = 4096, FILES_MAX = 256 };

static bool write_kid(int64_t at, char ret_kid[KID_MAX + 1]) {
    time_t seconds = (time_t)at;
    struct tm tm;

    return gmtime_r(&seconds, &tm) && strftime(ret_kid, KID_MAX + 1, format, &tm) == TIMED_LEN;
}

/* strptime takes more than what strftime writes: hence there and back. */
int64_t keyfile_time(const char *kid) {
    char again[KID_MAX + 1];
    struct tm tm = {0};
    const char *end = strlen(kid) == TIMED_LEN ? strptime(kid, format, &tm) : NULL;
    int64_t at = end && !*end ? (int64_t)timegm(&tm) : 0;

    return at > 0 && write_kid(at, again) && strcmp(again, kid) == 0 ? at : 0;
}

enum hum_status keyfile_next(const char *newest, int64_t now, char ret_kid[KID_MAX + 1]) {
    int64_t after = newest ? keyfile_time(newest) : 0;

    if (newest && after == 0) {
        return HUM_INVALID_REQUEST;
    }
    return write_kid(now > after ? now : after + 1, ret_kid) ? HUM_OK : HUM_INTERNAL;
}

static bool write_all(int fd, const char *bytes, size_t len) {
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

static bool sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    bool ok = fsync(fd) == 0;
    return close(fd) == 0 && ok;
}

enum hum_status keyfile_write(const char *folder, const char *kid, const char *suffix,
                              const void *bytes, size_t len) {
    char path[PATH_SIZE], temporary[PATH_SIZE + 8];

    if (snprintf(path, sizeof path, "%s/%s%s", folder, kid, suffix) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return HUM_INTERNAL;
    }
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return HUM_INTERNAL;
    }
    bool ok = write_all(fd, bytes, len) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    if (!ok || rename(temporary, path) != 0) {
        int why = errno;

        unlink(temporary);
        errno = why;
        return HUM_INTERNAL;
    }
    return sync_folder(folder) ? HUM_OK : HUM_INTERNAL;
}

/* ---- What may go ---- */

struct kids {
    size_t count;
    char list[FILES_MAX][KID_MAX + 1];
};

static int compare(const void *a, const void *b) { return strcmp(a, b); }

/* Whatever ends with the suffix, ascending: also what is no key, before which nothing is removed.
 */
static void read_kids(DIR *dir, const char *suffix, struct kids *kids) {
    const struct dirent *entry;

    kids->count = 0;
    while ((entry = readdir(dir)) && kids->count < FILES_MAX) {
        size_t len = strlen(entry->d_name), tail = strlen(suffix);

        if (entry->d_name[0] != '.' && len > tail && len - tail <= KID_MAX &&
            strcmp(entry->d_name + len - tail, suffix) == 0) {
            memcpy(kids->list[kids->count], entry->d_name, len - tail);
            kids->list[kids->count++][len - tail] = '\0';
        }
    }
    qsort(kids->list, kids->count, sizeof kids->list[0], compare);
}

static bool remove_old(int folder, const char *suffix, const struct kids *kids, int64_t until) {
    char name[2 * KID_MAX];

    for (size_t i = 0; i + 1 < kids->count; i++) {
        int64_t replaced = keyfile_time(kids->list[i + 1]);

        snprintf(name, sizeof name, "%s%s", kids->list[i], suffix);
        if (keyfile_time(kids->list[i]) && replaced && replaced < until &&
            unlinkat(folder, name, 0) != 0) {
            return false;
        }
    }
    return true;
}

enum hum_status keyfile_prune(const char *folder, const char *suffix, int64_t life_s, int64_t now) {
    struct kids *kids = malloc(sizeof *kids);
    DIR *dir = kids ? opendir(folder) : NULL;
    bool ok = false;

    if (dir) {
        read_kids(dir, suffix, kids);
        ok = remove_old(dirfd(dir), suffix, kids, now - life_s);
        closedir(dir);
    }
    free(kids);
    return ok ? HUM_OK : HUM_INTERNAL;
}
