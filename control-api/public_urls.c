#include "public_urls.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { MQTTS_PORT = 8883 }; /* IANA: secure-mqtt */

struct url {
    bool safe; /* the scheme with an s at its end */
    struct str host, port, path;
};

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char digits[] = "0123456789";

static bool is_name(struct str host) {
    for (size_t i = 0; i < host.len; i++) {
        if (!strchr(letters, host.data[i]) && !strchr(digits, host.data[i]) &&
            !strchr("-._", host.data[i])) {
            return false;
        }
    }
    return host.len > 0 && host.len <= PUBLIC_HOST_MAX;
}

static bool is_ipv6(struct str host) {
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (host.len < 4 || host.len - 2 >= sizeof text || host.data[0] != '[') {
        return false;
    }
    memcpy(text, host.data + 1, host.len - 2);
    text[host.len - 2] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_port(struct str port) {
    int64_t number;

    return str_id(port, &number) && number <= 65535;
}

/* The characters of RFC 3986 that may stand in a path. */
static bool is_path(struct str path) {
    for (size_t i = 0; i < path.len; i++) {
        if (!strchr(letters, path.data[i]) && !strchr(digits, path.data[i]) &&
            !strchr("-._~!$&'()*+,;=:@%/", path.data[i])) {
            return false;
        }
    }
    return true;
}

/* Moves on behind a word, if that is what comes. */
static bool skip(const char **text, const char *word) {
    const char *at = *text;

    for (; *word; word++, at++) {
        if (*at != *word) {
            return false;
        }
    }
    *text = at;
    return true;
}

/* scheme: without the s. */
static bool parse(const char *text, const char *scheme, struct url *ret_url) {
    struct url url = {0};

    if (!skip(&text, scheme)) {
        return false;
    }
    url.safe = skip(&text, "s");
    if (!skip(&text, "://")) {
        return false;
    }
    size_t len = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":/");
    if (len > strlen(text)) {
        return false;
    }
    url.host = (struct str){text, len};
    text += len;
    if (skip(&text, ":")) {
        url.port = (struct str){text, strcspn(text, "/")};
        if (!is_port(url.port)) {
            return false;
        }
        text += url.port.len;
    }
    url.path = str_of(text);
    if ((url.path.len > 0 && *text != '/') || !is_path(url.path) ||
        !(is_name(url.host) || is_ipv6(url.host))) {
        return false;
    }
    *ret_url = url;
    return true;
}

static bool make_api(const struct public_urls_given *given, struct public_urls *urls,
                     struct url *ret_url) {
    bool brackets = strchr(given->bind, ':') != NULL;
    int len = *given->api
                  ? snprintf(urls->api, sizeof urls->api, "%s", given->api)
                  : snprintf(urls->api, sizeof urls->api, "http://%s%s%s:%d", brackets ? "[" : "",
                             given->bind, brackets ? "]" : "", given->http_port);

    if (len >= (int)sizeof urls->api) {
        return false;
    }
    while (len > 0 && urls->api[len - 1] == '/') {
        urls->api[--len] = '\0';
    }
    return parse(urls->api, "http", ret_url);
}

static bool make_mqtt(const struct public_urls_given *given, const struct url *api,
                      struct public_urls *urls) {
    struct url url;
    int len = *given->mqtt ? snprintf(urls->mqtt, sizeof urls->mqtt, "%s", given->mqtt)
                           : snprintf(urls->mqtt, sizeof urls->mqtt, "mqtt%s://%.*s:%d",
                                      api->safe ? "s" : "", (int)api->host.len, api->host.data,
                                      api->safe ? MQTTS_PORT : given->mqtt_port);

    return len < (int)sizeof urls->mqtt && parse(urls->mqtt, "mqtt", &url) && url.port.len > 0 &&
           url.path.len == 0;
}

static bool make_ws(const struct public_urls_given *given, const struct url *api,
                    struct public_urls *urls, struct url *ret_url) {
    char port[8] = "";
    int len;

    if (!api->safe) {
        snprintf(port, sizeof port, ":%d", given->ws_port);
    } else if (api->port.len > 0) {
        snprintf(port, sizeof port, ":%.*s", (int)api->port.len, api->port.data);
    }
    if (*given->ws) {
        len = snprintf(urls->ws, sizeof urls->ws, "%s", given->ws);
    } else {
        len = snprintf(urls->ws, sizeof urls->ws, "ws%s://%.*s%s/mqtt", api->safe ? "s" : "",
                       (int)api->host.len, api->host.data, port);
    }
    return len < (int)sizeof urls->ws && parse(urls->ws, "ws", ret_url) && ret_url->path.len > 0;
}

bool public_urls_make(const struct public_urls_given *given, struct public_urls *ret_urls,
                      const char **ret_error) {
    struct url api, ws;

    if (!make_api(given, ret_urls, &api)) {
        *ret_error = "HUM_PUBLIC_URL: must be http[s]://HOST[:PORT][/PATH]";
        return false;
    }
    memcpy(ret_urls->host, api.host.data, api.host.len);
    ret_urls->host[api.host.len] = '\0';
    if (!make_mqtt(given, &api, ret_urls)) {
        *ret_error = "HUM_MQTT_URL: must be mqtt[s]://HOST:PORT";
        return false;
    }
    if (!make_ws(given, &api, ret_urls, &ws)) {
        *ret_error = "HUM_WS_URL: must be ws[s]://HOST[:PORT]/PATH";
        return false;
    }
    if (api.safe && !ws.safe) {
        *ret_error = "HUM_WS_URL: must be wss://…, since HUM_PUBLIC_URL is https://… and a page "
                     "from there may open nothing else";
        return false;
    }
    return true;
}
