#include "transport.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { URL_SIZE = 1024, ADDRESS_SIZE = 320 };

struct transport {
    CURL *curl;
    char *user, *password; /* of curl_url_get; NULL: none */
    char *url;             /* without them */
    char *ca_file;         /* NULL: the system's */
    char from[ADDRESS_SIZE];
};

/* What a send works on. */
struct sending {
    struct str left;
    const atomic_bool *stop;
    int64_t until_ms;
    bool to_recipient; /* the server has taken us and the sender: now it is about this mail */
};

static bool fail(char *error, size_t size, const char *line) {
    snprintf(error, size, "%s", line);
    return false;
}

static char *part(CURLU *url, CURLUPart what, unsigned flags) {
    char *text = NULL;

    return curl_url_get(url, what, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool has(CURLU *url, CURLUPart what, const char *allowed) {
    char *text = part(url, what, 0);
    bool there = text && strcmp(text, allowed) != 0;

    curl_free(text);
    return there;
}

/* The user and password go apart from the rest, whose path becomes the name that we greet with. */
static bool take_apart(struct transport *transport, CURLU *url, struct str from) {
    char path[ADDRESS_SIZE];
    const char *at = memchr(from.data, '@', from.len);

    transport->user = part(url, CURLUPART_USER, CURLU_URLDECODE);
    transport->password = part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    snprintf(path, sizeof path, "/%.*s", (int)(from.len - (size_t)(at + 1 - from.data)), at + 1);
    if (curl_url_set(url, CURLUPART_USER, NULL, 0) != CURLUE_OK ||
        curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) != CURLUE_OK ||
        curl_url_set(url, CURLUPART_PATH, path, 0) != CURLUE_OK) {
        return false;
    }
    transport->url = part(url, CURLUPART_URL, 0);
    return transport->url != NULL;
}

static bool read_url(struct transport *transport, CURLU *url, const struct transport_config *config,
                     char *error, size_t error_size) {
    if (strlen(config->url) >= URL_SIZE ||
        curl_url_set(url, CURLUPART_URL, config->url, CURLU_NO_DEFAULT_PORT) != CURLUE_OK ||
        (has(url, CURLUPART_SCHEME, "smtp") && has(url, CURLUPART_SCHEME, "smtps")) ||
        !has(url, CURLUPART_HOST, "") || has(url, CURLUPART_PATH, "/") ||
        has(url, CURLUPART_QUERY, "") || has(url, CURLUPART_FRAGMENT, "")) {
        return fail(error, error_size,
                    "HUM_SMTP_URL: must be smtp[s]://[USER:PASSWORD@]HOST[:PORT]");
    }
    return take_apart(transport, url, config->from) || fail(error, error_size, "no memory");
}

/* What is the same for all mails. */
static bool set_options(struct transport *transport) {
    CURL *curl = transport->curl;

    curl_easy_setopt(curl, CURLOPT_URL, transport->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL); /* STARTTLS, or nothing */
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)TRANSPORT_CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TRANSPORT_WHOLE_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver that hangs */
    /* A connection that has been idle may be dead, and a mail would have to wait for that. */
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    if (transport->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, transport->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    if (transport->user) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, transport->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, transport->password ? transport->password : "");
    }
    return curl_easy_setopt(curl, CURLOPT_MAIL_FROM, transport->from) == CURLE_OK;
}

static bool prepare(struct transport *transport, CURLU *url, const struct transport_config *config,
                    char *error, size_t error_size) {
    if (!transport->curl || !url) {
        return fail(error, error_size, "no memory");
    }
    if (!read_url(transport, url, config, error, error_size)) {
        return false;
    }
    if (*config->ca_file) {
        if (access(config->ca_file, R_OK) != 0) {
            return fail(error, error_size, "HUM_SMTP_CA_FILE: cannot be read");
        }
        transport->ca_file = strdup(config->ca_file);
    }
    snprintf(transport->from, sizeof transport->from, "<%.*s>", (int)config->from.len,
             config->from.data);
    return ((!*config->ca_file || transport->ca_file) && set_options(transport)) ||
           fail(error, error_size, "no memory");
}

enum hum_status transport_new(const struct transport_config *config,
                              struct transport **ret_transport, char *error, size_t error_size) {
    struct transport *transport = calloc(1, sizeof *transport);

    if (!transport) {
        fail(error, error_size, "no memory");
        return HUM_INVALID_REQUEST;
    }
    CURLU *url = curl_url();
    transport->curl = curl_easy_init();
    bool ok = prepare(transport, url, config, error, error_size);
    curl_url_cleanup(url);
    if (!ok) {
        transport_free(transport);
        return HUM_INVALID_REQUEST;
    }
    *ret_transport = transport;
    return HUM_OK;
}

static void wipe(char *text) {
    if (text) {
        explicit_bzero(text, strlen(text));
        curl_free(text);
    }
}

void transport_free(struct transport *transport) {
    if (!transport) {
        return;
    }
    curl_easy_cleanup(transport->curl);
    wipe(transport->user);
    wipe(transport->password);
    curl_free(transport->url);
    free(transport->ca_file);
    free(transport);
}

static size_t read_letter(char *to, size_t size, size_t count, void *arg) {
    struct sending *sending = arg;
    size_t len = size * count < sending->left.len ? size * count : sending->left.len;

    memcpy(to, sending->left.data, len);
    sending->left.data += len;
    sending->left.len -= len;
    return len;
}

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Called about once a second, whatever is waited for. libcurl's own bound does not count the answer
 * to QUIT, for which it waits two minutes more. */
static int check_stop(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up,
                      curl_off_t up_now) {
    const struct sending *sending = arg;

    (void)down, (void)down_now, (void)up, (void)up_now;
    return atomic_load(sending->stop) || now_ms() >= sending->until_ms;
}

/* The only way to learn which command it is that a server answers. What else comes by here, the
 * password in its disguise, is not looked at. */
static int see_command(CURL *curl, curl_infotype type, char *data, size_t size, void *arg) {
    struct sending *sending = arg;

    (void)curl;
    if (type == CURLINFO_HEADER_OUT && size >= 5 && memcmp(data, "RCPT ", 5) == 0) {
        sending->to_recipient = true;
    }
    return 0;
}

static enum transport_result judge(CURL *curl, CURLcode code, const struct sending *sending,
                                   char *reason, size_t reason_size) {
    enum transport_result broken = sending->to_recipient ? TRANSPORT_BROKEN : TRANSPORT_AWAY;
    long answer = 0;

    if (code == CURLE_OK) {
        return TRANSPORT_SENT;
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        snprintf(reason, reason_size, "%s", curl_easy_strerror(CURLE_OPERATION_TIMEDOUT));
        return atomic_load(sending->stop) ? TRANSPORT_STOPPED : broken;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    if (answer >= 400 && answer <= 599) {
        snprintf(reason, reason_size, "%s (%ld)",
                 sending->to_recipient ? "the server does not take it" : curl_easy_strerror(code),
                 answer);
    } else {
        snprintf(reason, reason_size, "%s", curl_easy_strerror(code));
    }
    /* 421: the server ends the connection, whatever it was asked. */
    if (!sending->to_recipient || answer < 400 || answer > 599 || answer == 421) {
        return broken;
    }
    return answer >= 500 ? TRANSPORT_REFUSED : TRANSPORT_DELAYED;
}

static CURLcode perform(CURL *curl, struct curl_slist *to, struct sending *sending, size_t len) {
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)len);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_letter);
    curl_easy_setopt(curl, CURLOPT_READDATA, sending);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, sending);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, see_command);
    curl_easy_setopt(curl, CURLOPT_DEBUGDATA, sending);
    return curl_easy_perform(curl);
}

enum transport_result transport_send(struct transport *transport, struct str to, struct str letter,
                                     const atomic_bool *stop, char *reason, size_t reason_size) {
    struct sending sending = {
        .left = letter, .stop = stop, .until_ms = now_ms() + TRANSPORT_WHOLE_MS};
    char address[ADDRESS_SIZE];

    snprintf(address, sizeof address, "<%.*s>", (int)to.len, to.data);
    struct curl_slist *list = curl_slist_append(NULL, address);
    if (!list) {
        snprintf(reason, reason_size, "no memory");
        return TRANSPORT_AWAY;
    }
    CURLcode code = perform(transport->curl, list, &sending, letter.len);
    curl_easy_setopt(transport->curl, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(list);
    return judge(transport->curl, code, &sending, reason, reason_size);
}
