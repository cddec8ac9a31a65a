#include "rest.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_TIMEOUT_S = 15,
    CALL_TIMEOUT_S = 60,
    PATH_MAX_LENGTH = 2048,
    CONNECTIONS_MAX = 4,
};

struct call {
    struct call *next;
    struct rest *rest;
    CURL *easy;
    struct curl_slist *headers;
    char *url, *body;
    char *answer;
    size_t length, room;
    bool too_long;
    rest_done done;
    void *arg;
};

struct rest {
    CURLM *multi;
    CURLSH *share; /* TLS sessions, so that a new connection resumes one */
    char *url, *ca_file;
    struct call *calls;
    int count;
    int64_t total;
    bool ended;
};

/* ---- Life ---- */

static bool sane_url(const char *url) {
    bool http = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;

    for (const char *c = url; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f) {
            return false;
        }
    }
    return http && strlen(url) < PATH_MAX_LENGTH;
}

struct rest *rest_new(const char *url, const char *ca_file) {
    struct rest *rest = sane_url(url) ? calloc(1, sizeof *rest) : NULL;

    if (!rest) {
        return NULL;
    }
    rest->multi = curl_multi_init();
    rest->share = curl_share_init();
    rest->url = strdup(url);
    rest->ca_file = ca_file ? strdup(ca_file) : NULL;
    if (!rest->multi || !rest->share || !rest->url || (ca_file && !rest->ca_file)) {
        rest_free(rest);
        return NULL;
    }
    size_t length = strlen(rest->url);
    while (length > 0 && rest->url[length - 1] == '/') {
        rest->url[--length] = '\0';
    }
    curl_share_setopt(rest->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(rest->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
    return rest;
}

static void forget(char *text, size_t length) {
    if (text) {
        explicit_bzero(text, length);
        free(text);
    }
}

static void free_call(struct call *call) {
    if (call->easy) {
        (void)curl_multi_remove_handle(call->rest->multi, call->easy);
        curl_easy_cleanup(call->easy);
    }
    curl_slist_free_all(call->headers);
    free(call->url);
    forget(call->body, call->body ? strlen(call->body) : 0); /* it may be a password */
    forget(call->answer, call->length);
    free(call);
}

void rest_free(struct rest *rest) {
    if (!rest) {
        return;
    }
    curl_multi_cleanup(rest->multi);
    curl_share_cleanup(rest->share);
    free(rest->url);
    free(rest->ca_file);
    free(rest);
}

/* ---- A call ---- */

bool rest_sane(const char *method, const char *path) {
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    bool known = false;

    for (size_t i = 0; method && i < sizeof methods / sizeof methods[0]; i++) {
        known = known || strcmp(method, methods[i]) == 0;
    }
    if (!known || !path || path[0] != '/' || strlen(path) > PATH_MAX_LENGTH) {
        return false;
    }
    for (const char *c = path; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || *c == '#') {
            return false;
        }
    }
    return true;
}

/* Keeps what has come, always with a NUL behind it. */
static size_t on_body(char *data, size_t size, size_t count, void *arg) {
    struct call *call = arg;
    size_t more = size * count;

    if (more > REST_BODY_MAX - call->length) {
        call->too_long = true;
        return 0;
    }
    if (call->length + more + 1 > call->room) {
        size_t room = 2 * (call->length + more + 1);
        char *answer = realloc(call->answer, room);

        if (!answer) {
            return 0;
        }
        call->answer = answer;
        call->room = room;
    }
    memcpy(call->answer + call->length, data, more);
    call->length += more;
    call->answer[call->length] = '\0';
    return more;
}

static bool add_header(struct call *call, const char *name, const char *value) {
    size_t size = strlen(name) + strlen(value) + 1;
    char *line = malloc(size);

    if (!line) {
        return false;
    }
    (void)snprintf(line, size, "%s%s", name, value);
    struct curl_slist *headers = curl_slist_append(call->headers, line);
    free(line);
    if (headers) {
        call->headers = headers;
    }
    return headers != NULL;
}

static bool prepare_texts(struct call *call, const struct rest_request *request) {
    size_t size = strlen(call->rest->url) + strlen("/v1") + strlen(request->path) + 1;

    call->url = malloc(size);
    call->body = strdup(request->body ? request->body : "");
    if (!call->url || !call->body) {
        return false;
    }
    (void)snprintf(call->url, size, "%s/v1%s", call->rest->url, request->path);
    return (!request->token || add_header(call, "Authorization: Bearer ", request->token)) &&
           add_header(call, request->body ? "Content-Type: application/json" : "Content-Type:", "");
}

static void prepare_handle(struct call *call, const struct rest_request *request) {
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_URL, call->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A resolver that hangs does not keep hum_close waiting. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)CALL_TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_SHARE, call->rest->share);
    if (call->rest->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, call->rest->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* nobody else */
    }
    if (strcmp(request->method, "GET") != 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

bool rest_send(struct rest *rest, const struct rest_request *request, rest_done done, void *arg) {
    bool room = !rest->ended && rest->count < REST_CALLS_MAX;
    struct call *call = room ? calloc(1, sizeof *call) : NULL;

    if (!call) {
        return false;
    }
    *call = (struct call){.rest = rest, .done = done, .arg = arg, .easy = curl_easy_init()};
    if (!call->easy || !prepare_texts(call, request)) {
        free_call(call);
        return false;
    }
    prepare_handle(call, request);
    if (curl_multi_add_handle(rest->multi, call->easy) != CURLM_OK) {
        free_call(call);
        return false;
    }
    call->next = rest->calls;
    rest->calls = call;
    rest->count++;
    rest->total++;
    return true;
}

/* ---- Answers ---- */

static void unlink_call(struct rest *rest, struct call *call) {
    struct call **at = &rest->calls;

    while (*at != call) {
        at = &(*at)->next;
    }
    *at = call->next;
    rest->count--;
}

static void finish(struct rest *rest, CURL *easy, CURLcode result) {
    char *private = NULL;
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    struct call *call = (void *)private;
    if (result == CURLE_OK) {
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    }
    if (status < 100 || status > 599) {
        status = 0;
        call->length = 0;
    }
    const struct rest_answer answer = {
        .status = (int32_t)status,
        .body = call->length ? call->answer : "",
        .length = call->length,
    };
    unlink_call(rest, call);
    call->done(call->arg, &answer);
    free_call(call);
}

void rest_turn(struct rest *rest) {
    int running, left;
    CURLMsg *message;

    if (!rest->calls) {
        return;
    }
    (void)curl_multi_perform(rest->multi, &running);
    while ((message = curl_multi_info_read(rest->multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            finish(rest, message->easy_handle, message->data.result);
        }
    }
}

void rest_end(struct rest *rest) {
    rest->ended = true;
    while (rest->calls) {
        finish(rest, rest->calls->easy, CURLE_ABORTED_BY_CALLBACK);
    }
}

int64_t rest_calls(const struct rest *rest) { return rest->total; }

/* ---- Waiting ---- */

unsigned rest_wait(struct rest *rest, int fd, unsigned wanted, int32_t timeout_ms) {
    struct curl_waitfd extra = {.fd = fd};
    unsigned ready = 0;

    extra.events = (short)((wanted & REST_READ ? CURL_WAIT_POLLIN : 0) |
                           (wanted & REST_WRITE ? CURL_WAIT_POLLOUT : 0));
    (void)curl_multi_poll(rest->multi, &extra, fd >= 0 ? 1 : 0, timeout_ms, NULL);
    ready |= extra.revents & CURL_WAIT_POLLIN ? REST_READ : 0;
    ready |= extra.revents & CURL_WAIT_POLLOUT ? REST_WRITE : 0;
    return ready;
}

void rest_wakeup(struct rest *rest) { (void)curl_multi_wakeup(rest->multi); }
