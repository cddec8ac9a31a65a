#include "oauth/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oauth/fetch.h"
#include "oauth/redirect.h"

struct preset {
    const char *name;
    enum provider_kind kind;
    const char *display, *issuer, *scopes;
};

static const struct preset presets[] = {
    {"google", PROVIDER_OIDC, "Google", "https://accounts.google.com", "openid email profile"},
    {"github", PROVIDER_GITHUB, "GitHub", "https://github.com", "read:user user:email"},
};
static const struct preset oidc = {"", PROVIDER_OIDC, "", "", "openid email profile"};

/* Members with a text, where it goes, and whether it may be left out. */
struct text_member {
    const char *name;
    size_t offset, size;
    bool required;
};

#define MEMBER(name, field, required)                                                              \
    {                                                                                              \
        name, offsetof(struct provider_settings, field),                                           \
            sizeof(((struct provider_settings *)0)->field), required                               \
    }
static const struct text_member text_members[] = {
    MEMBER("id", id, true),
    MEMBER("name", name, false),
    MEMBER("issuer", issuer, true),
    MEMBER("client_id", client_id, true),
    MEMBER("client_secret", client_secret, false),
    MEMBER("scopes", scopes, true),
};
#undef MEMBER

struct reading {
    bool allow_private;
    char *error;
    size_t error_size;
};

static bool complain(const struct reading *reading, const struct provider_settings *settings,
                     const char *what, const char *why) {
    snprintf(reading->error, reading->error_size, "HUM_OAUTH_FILE: %s%s%s: %s",
             settings && settings->id[0] ? settings->id : "",
             settings && settings->id[0] ? ", " : "", what, why);
    return false;
}

void settings_release(struct provider_settings *settings) {
    for (size_t i = 0; i < settings->redirect_count; i++) {
        free(settings->redirect_uris[i]);
    }
    sodium_memzero(settings, sizeof *settings);
}

static bool is_known(const char *member) {
    for (size_t i = 0; i < sizeof text_members / sizeof text_members[0]; i++) {
        if (strcmp(member, text_members[i].name) == 0) {
            return true;
        }
    }
    return strcmp(member, "preset") == 0 || strcmp(member, "redirect_uris") == 0;
}

/* Printable ASCII goes into requests as it is; a name is for people. */
static bool text_ok(const char *text, bool is_name) {
    if (is_name) {
        return str_utf8(str_of(text), NULL) && !strpbrk(text, "\r\n\t");
    }
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

static bool read_text(const struct reading *reading, const json_t *object,
                      const struct text_member *member, struct provider_settings *settings) {
    const json_t *value = json_object_get(object, member->name);
    char *target = (char *)settings + member->offset;
    const char *text = json_string_value(value);

    if (value && (!text || json_string_length(value) >= member->size || !*text ||
                  strlen(text) != json_string_length(value) ||
                  !text_ok(text, strcmp(member->name, "name") == 0))) {
        return complain(reading, settings, member->name, "not a text of a length that fits");
    }
    if (text) {
        snprintf(target, member->size, "%s", text);
    }
    return !member->required || *target || complain(reading, settings, member->name, "missing");
}

static bool start_from_preset(const struct reading *reading, const json_t *object,
                              struct provider_settings *settings) {
    const json_t *value = json_object_get(object, "preset");
    const char *name = json_string_value(value);
    const struct preset *preset = value ? NULL : &oidc;

    for (size_t i = 0; name && i < sizeof presets / sizeof presets[0]; i++) {
        preset = strcmp(name, presets[i].name) == 0 ? &presets[i] : preset;
    }
    if (!preset) {
        return complain(reading, settings, "preset", "none of that name (google, github)");
    }
    settings->kind = preset->kind;
    snprintf(settings->name, sizeof settings->name, "%s", preset->display);
    snprintf(settings->issuer, sizeof settings->issuer, "%s", preset->issuer);
    snprintf(settings->scopes, sizeof settings->scopes, "%s", preset->scopes);
    return true;
}

static bool read_redirects(const struct reading *reading, const json_t *object,
                           struct provider_settings *settings) {
    const json_t *list = json_object_get(object, "redirect_uris");
    const json_t *value;
    size_t i;

    if (list && (!json_is_array(list) || json_array_size(list) > SETTINGS_REDIRECTS_MAX)) {
        return complain(reading, settings, "redirect_uris", "not a list of at most 16");
    }
    json_array_foreach(list, i, value) {
        const char *uri = json_string_value(value);

        if (!uri || !redirect_well_formed(uri)) {
            return complain(reading, settings, "redirect_uris",
                            "neither https, nor http on 127.0.0.1 or [::1], nor a private scheme "
                            "with a dot");
        }
        char *copy = strdup(uri);
        if (!copy) {
            return complain(reading, settings, "redirect_uris", "no memory");
        }
        settings->redirect_uris[settings->redirect_count++] = copy;
    }
    return true;
}

static bool check(const struct reading *reading, struct provider_settings *settings) {
    const char *id = settings->id;

    if (strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(id)) {
        return complain(reading, NULL, "id", "other characters than a-z, 0-9 and -");
    }
    if (strcmp(settings->id, "hum") == 0) { /* in POST /v1/auth/oauth the one of one-time codes */
        return complain(reading, NULL, "id", "hum is the name of Hum itself");
    }
    if (!fetch_url_ok(settings->issuer, reading->allow_private) || strchr(settings->issuer, '?')) {
        return complain(reading, settings, "issuer", "not an https URL");
    }
    if (settings->kind == PROVIDER_OIDC && strncmp(settings->scopes, "openid", 6) != 0 &&
        !strstr(settings->scopes, " openid")) {
        return complain(reading, settings, "scopes", "openid is not among them");
    }
    if (settings->kind == PROVIDER_GITHUB && !settings->client_secret[0]) {
        return complain(reading, settings, "client_secret", "missing");
    }
    if (!settings->name[0]) {
        snprintf(settings->name, sizeof settings->name, "%s", id);
    }
    return true;
}

static bool read_provider(const struct reading *reading, json_t *object,
                          struct provider_settings *settings) {
    const char *member;
    json_t *value;

    if (!json_is_object(object)) {
        return complain(reading, NULL, "providers", "not a list of objects");
    }
    if (!read_text(reading, object, &text_members[0], settings) ||
        !start_from_preset(reading, object, settings)) {
        return false;
    }
    json_object_foreach(object, member, value) {
        if (!is_known(member)) {
            return complain(reading, settings, "a member", "of a name that is no setting");
        }
    }
    for (size_t i = 0; i < sizeof text_members / sizeof text_members[0]; i++) {
        if (!read_text(reading, object, &text_members[i], settings)) {
            return false;
        }
    }
    return check(reading, settings) && read_redirects(reading, object, settings);
}

static bool read_list(const struct reading *reading, const json_t *root,
                      struct provider_settings list[PROVIDER_COUNT_MAX], size_t *count) {
    json_t *providers = json_object_get(root, "providers");
    json_t *object;
    size_t i;

    if (json_object_size(root) != 1 || !json_is_array(providers) ||
        json_array_size(providers) > PROVIDER_COUNT_MAX) {
        return complain(reading, NULL, "providers", "not a list of at most 16");
    }
    json_array_foreach(providers, i, object) {
        list[i] = (struct provider_settings){0};
        *count = i + 1;
        if (!read_provider(reading, object, &list[i])) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(list[j].id, list[i].id) == 0) {
                return complain(reading, &list[i], "id", "there twice");
            }
        }
    }
    return true;
}

/* The file holds secrets: whoever else may read or change it is told of here, before they are used.
 */
static bool read_file(const struct reading *reading, const char *path, char *text, size_t *len) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    size_t used = 0;
    ssize_t got = 0;

    if (fd < 0) {
        return complain(reading, NULL, path, strerror(errno));
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (info.st_mode & 0026) != 0) {
        close(fd);
        return complain(reading, NULL, path,
                        "not a file that is its owner's alone (chmod 600 makes it so)");
    }
    while (used < SETTINGS_FILE_MAX &&
           (got = read(fd, text + used, SETTINGS_FILE_MAX - used)) > 0) {
        used += (size_t)got;
    }
    close(fd);
    if (got < 0 || used == SETTINGS_FILE_MAX) {
        return complain(reading, NULL, path, got < 0 ? strerror(errno) : "too long");
    }
    *len = used;
    return true;
}

static bool parse(const struct reading *reading, const char *text, size_t len,
                  struct provider_settings list[PROVIDER_COUNT_MAX], size_t *count) {
    json_error_t where;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    char line[48];

    if (!root) {
        /* The parser's own text quotes what it has read, which may be a secret. */
        snprintf(line, sizeof line, "line %d", where.line);
        return complain(reading, NULL, line, "no JSON, or a name twice");
    }
    bool ok = read_list(reading, root, list, count);
    json_decref(root);
    return ok;
}

bool settings_read(const char *path, bool allow_private,
                   struct provider_settings list[PROVIDER_COUNT_MAX], size_t *ret_count,
                   char *error, size_t error_size) {
    struct reading reading = {allow_private, error, error_size};
    char *text = malloc(SETTINGS_FILE_MAX);
    size_t len = 0, count = 0;
    bool ok;

    if (!text) {
        return complain(&reading, NULL, path, "no memory");
    }
    ok = read_file(&reading, path, text, &len) && parse(&reading, text, len, list, &count);
    sodium_memzero(text, SETTINGS_FILE_MAX);
    free(text);
    if (!ok) {
        for (size_t i = 0; i < count; i++) {
            settings_release(&list[i]);
        }
        return false;
    }
    *ret_count = count;
    return true;
}
