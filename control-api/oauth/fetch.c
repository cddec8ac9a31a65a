#include "fetch.h"

#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "oauth/address.h"

struct running {
    struct buf *body;
    size_t header_bytes;
    bool allow_private;
    bool plain;      /* http: to loopback only */
    const char *why; /* set where we are the ones who stop it */
};

int64_t fetch_now(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool part_is_there(CURLU *url, CURLUPart part) {
    char *text = NULL;
    bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return there;
}

static bool scheme_ok(CURLU *url, bool allow_private) {
    char *scheme = NULL;
    bool ok = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "https") == 0 || (allow_private && strcmp(scheme, "http") == 0));

    curl_free(scheme);
    return ok;
}

/* What RFC 3986 leaves no choice about: libcurl forgives a slash too few or too many, others
 * forgive other things, and both are to see the same host. */
static bool plainly_written(const char *text) {
    const char *slashes = strstr(text, "://");

    if (!slashes || strcspn(text, ":") != (size_t)(slashes - text) ||
        (!isalnum((unsigned char)slashes[3]) && slashes[3] != '[')) {
        return false;
    }
    while (*text > ' ' && *text <= '~' && !strchr("#\"<>\\^`{|}", *text)) {
        text++;
    }
    return *text == '\0';
}

bool fetch_url_ok(const char *text, bool allow_private) {
    CURLU *url = curl_url();
    bool ok = url && plainly_written(text) &&
              curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
              scheme_ok(url, allow_private) && part_is_there(url, CURLUPART_HOST) &&
              !part_is_there(url, CURLUPART_USER) && !part_is_there(url, CURLUPART_PASSWORD) &&
              !part_is_there(url, CURLUPART_FRAGMENT);

    curl_url_cleanup(url);
    return ok;
}

/* The address is looked at where the connection is made: a name may mean another one by then than
 * when it was looked up before. */
static bool address_ok(const struct running *running, const struct curl_sockaddr *address) {
    struct sockaddr_storage copy = {0};
    const unsigned char *bytes = NULL;
    size_t len = 0;

    memcpy(&copy, &address->addr, address->addrlen < sizeof copy ? address->addrlen : sizeof copy);
    if (address->family == AF_INET) {
        bytes = (const unsigned char *)&((const struct sockaddr_in *)&copy)->sin_addr;
        len = sizeof(struct in_addr);
    } else if (address->family == AF_INET6) {
        bytes = (const unsigned char *)&((const struct sockaddr_in6 *)&copy)->sin6_addr;
        len = sizeof(struct in6_addr);
    } else {
        return false;
    }
    return running->plain ? address_is_loopback(bytes, len)
                          : running->allow_private || address_is_public(bytes, len);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
    struct running *running = arg;

    (void)purpose;
    if (!address_ok(running, address)) {
        running->why = "its address is not one of the public Internet";
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *data, size_t size, size_t count, void *arg) {
    struct running *running = arg;

    buf_add(running->body, data, size * count);
    if (running->body->failed) {
        running->why = "its answer is too long";
        return 0;
    }
    return size * count;
}

static size_t take_header(char *data, size_t size, size_t count, void *arg) {
    struct running *running = arg;

    (void)data;
    running->header_bytes += size * count;
    if (running->header_bytes > FETCH_HEADERS_MAX) {
        running->why = "its headers are too long";
        return 0;
    }
    return size * count;
}

/* Where it may go and how long it may take. False: libcurl cannot be told. */
static bool set_bounds(CURL *curl, const struct fetch_request *request, struct running *running) {
    int64_t left = request->deadline_ms - fetch_now();
    const char *protocols = request->allow_private ? "https,http" : "https";

    if (left <= 0) {
        running->why = "no time is left";
        return false;
    }
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, running) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                            (long)(left < FETCH_CONNECT_MS ? left : FETCH_CONNECT_MS)) ==
               CURLE_OK &&
           /* A thread that still looks a name up is not waited for. */
           curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
}

static bool set_callbacks(CURL *curl, struct running *running) {
    return curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, running) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, running) == CURLE_OK;
}

static bool set_request(CURL *curl, const struct fetch_request *request) {
    bool ok = curl_easy_setopt(curl, CURLOPT_URL, request->url) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_USERAGENT, "Hum/" HUM_VERSION) == CURLE_OK;

    if (request->form) {
        ok = ok && curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->form) == CURLE_OK;
    }
    if (request->user) {
        ok = ok && curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_USERNAME, request->user) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_PASSWORD, request->password) == CURLE_OK;
    } else if (request->bearer) {
        ok = ok && curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request->bearer) == CURLE_OK;
    }
    return ok;
}

static enum hum_status perform(CURL *curl, const struct fetch_request *request,
                               struct fetch_answer *answer, const char **ret_why) {
    struct running running = {.body = &answer->body,
                              .allow_private = request->allow_private,
                              .plain = strncasecmp(request->url, "http:", 5) == 0};
    /* Some answer a form unless they are told. */
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (headers && curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
        set_bounds(curl, request, &running) && set_callbacks(curl, &running) &&
        set_request(curl, request)) {
        code = curl_easy_perform(curl);
    }
    if (code == CURLE_OK) {
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    }
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        *ret_why = running.why ? running.why : curl_easy_strerror(code);
        return HUM_UNAVAILABLE;
    }
    return HUM_OK;
}

enum hum_status fetch(const struct fetch_request *request, struct fetch_answer *ret_answer,
                      const char **ret_why) {
    struct fetch_answer answer = {0};
    enum hum_status status = HUM_UNAVAILABLE;
    CURL *curl = curl_easy_init();
    buf_init(&answer.body, FETCH_BODY_MAX);
    if (curl) {
        status = perform(curl, request, &answer, ret_why);
    } else {
        *ret_why = "no memory";
    }
    curl_easy_cleanup(curl);
    if (status != HUM_OK) {
        fetch_release(&answer);
        return status;
    }
    *ret_answer = answer;
    return HUM_OK;
}

void fetch_release(struct fetch_answer *answer) {
    if (answer->body.data) {
        sodium_memzero(answer->body.data, answer->body.len);
    }
    buf_free(&answer->body);
}

void fetch_add_field(struct buf *form, const char *name, const char *value) {
    char *escaped = curl_easy_escape(NULL, value, 0);

    if (form->len > 0) {
        buf_text(form, "&");
    }
    buf_text(form, name);
    buf_text(form, "=");
    buf_text(form, escaped ? escaped : "");
    form->failed = form->failed || !escaped;
    curl_free(escaped);
}
