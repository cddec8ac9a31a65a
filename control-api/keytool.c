#include "keytool.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/sessions.h"
#include "tokens.h"

enum {
    PATH_SIZE = 4096,
    DAY_S = 24 * 3600,
    /* A key's name says when it was made; it signs from when the daemons have been told, soon
     * after.
     */
    SLACK_S = DAY_S,
};

static enum hum_status add_signing(const char *folder, char ret_kid[KID_MAX + 1]) {
    return keys_add(folder, false, ret_kid);
}

static enum hum_status add_next(const char *folder, char ret_kid[KID_MAX + 1]) {
    return keys_add(folder, true, ret_kid);
}

static const struct {
    const char *name;
    int64_t life_s; /* of what the key makes */
    enum hum_status (*ensure)(const char *folder);
    enum hum_status (*prune)(const char *folder, int64_t life_s);
    enum hum_status (*add)(const char *folder, char ret_kid[KID_MAX + 1]);
} kinds[] = {
    {"mqtt", TOKEN_MQTT_LIFE_S, keys_ensure, keys_prune, add_next},
    {"refresh", (int64_t)SESSION_LIFE_DAYS *DAY_S, keys_ensure, keys_prune, add_signing},
    {"mail", DAY_S, keys_ensure, keys_prune, add_signing},
    {"api", TOKENS_LIFE_S, tokens_ensure, tokens_prune, tokens_add},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

const char *keytool_error(int status) {
    switch (status) {
    case HUM_NOT_FOUND:
        return "no key is there (make it with \"hum-api keys\")";
    case HUM_INVALID_REQUEST:
        return "holds something that is no such key, or too many";
    case HUM_LIMIT_REACHED:
        return "holds as many keys as it may, and what they signed is still good: roll later";
    default:
        return errno ? strerror(errno) : "no memory";
    }
}

static bool join(char path[PATH_SIZE], const char *folder, const char *name, keytool_fail_fn fail) {
    if (snprintf(path, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE) {
        errno = 0;
        return true;
    }
    fail(folder, "the path is too long");
    return false;
}

static bool report(const char *path, enum hum_status status, keytool_fail_fn fail) {
    if (status != HUM_OK) {
        fail(path, keytool_error((int)status));
    }
    return status == HUM_OK;
}

bool keytool_make(const char *folder, keytool_fail_fn fail) {
    char path[PATH_SIZE];

    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        fail(folder, strerror(errno));
        return false;
    }
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (!join(path, folder, kinds[i].name, fail) ||
            !report(path, kinds[i].ensure(path), fail)) {
            return false;
        }
    }
    return true;
}

bool keytool_roll(const char *folder, keytool_fail_fn fail) {
    char path[PATH_SIZE], kid[KID_MAX + 1];

    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (!join(path, folder, kinds[i].name, fail) ||
            !report(path, kinds[i].prune(path, kinds[i].life_s + SLACK_S), fail)) {
            return false;
        }
    }
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (!join(path, folder, kinds[i].name, fail) ||
            !report(path, kinds[i].add(path, kid), fail)) {
            return false;
        }
        printf("%s %s\n", kinds[i].name, kid);
    }
    return true;
}

bool keytool_use(const char *folder, keytool_fail_fn fail) {
    char path[PATH_SIZE];

    return join(path, folder, kinds[0].name, fail) && report(path, keys_use_next(path), fail);
}
