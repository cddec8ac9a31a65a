#include "redirect.h"

#include <ctype.h>
#include <string.h>

enum { REDIRECT_MAX = 1024, PORT_DIGITS = 5 };

static const char *const loopback[] = {"http://127.0.0.1", "http://[::1]"};

/* The length of "http://127.0.0.1" or its like at the start; 0: another address. What follows it
 * must end the host. */
static size_t loopback_len(const char *uri) {
    for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++) {
        size_t len = strlen(loopback[i]);

        if (strncmp(uri, loopback[i], len) == 0 && (uri[len] == ':' || uri[len] == '/')) {
            return len;
        }
    }
    return 0;
}

/* The length of ":1234" at the start; 0: no port, or none that is a number. */
static size_t port_len(const char *text) {
    size_t len = 1;

    if (text[0] != ':') {
        return 0;
    }
    while (len <= PORT_DIGITS && isdigit((unsigned char)text[len])) {
        len++;
    }
    return len > 1 && text[len] == '/' ? len : 0;
}

static bool printable(const char *uri) {
    size_t len = 0;

    for (; uri[len]; len++) {
        if (uri[len] <= ' ' || uri[len] > '~' || strchr("\"<>\\^`{|}#", uri[len])) {
            return false;
        }
    }
    return len > 0 && len <= REDIRECT_MAX;
}

/* "com.example.app:/…": a name of one's own domain, so that no other program claims it by chance.
 */
static bool private_scheme(const char *uri) {
    size_t len = strspn(uri, "abcdefghijklmnopqrstuvwxyz0123456789+-.");

    return len > 0 && islower((unsigned char)uri[0]) && memchr(uri, '.', len) && uri[len] == ':' &&
           uri[len + 1] == '/';
}

static bool https(const char *uri) {
    static const char scheme[] = "https://";
    const char *host = uri + sizeof scheme - 1;
    size_t len;

    if (strncmp(uri, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    len = strcspn(host, "/?");
    return len > 0 && !memchr(host, '@', len);
}

bool redirect_well_formed(const char *uri) {
    size_t len;

    if (!printable(uri)) {
        return false;
    }
    if ((len = loopback_len(uri)) > 0) {
        return uri[len] == '/' || port_len(uri + len) > 0;
    }
    return https(uri) || private_scheme(uri);
}

bool redirect_matches(const char *named, const char *uri) {
    size_t len = loopback_len(named);

    if (len > 0 && named[len] == '/') {
        return loopback_len(uri) == len && strncmp(named, uri, len) == 0 &&
               strcmp(named + len, uri + len + port_len(uri + len)) == 0;
    }
    return strcmp(named, uri) == 0;
}
