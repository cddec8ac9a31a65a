#include "pages.h"

#include <stdio.h>
#include <string.h>

#include "api.h"

/* All from here, nothing inline, nothing from elsewhere; what is tried out goes here, too. Pictures
 * of the style sheet are within it. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* The desktop client's: it shows pictures that it has just been given, and talks to the broker. */
static const char client_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self' %.*s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* An IPv6 address cannot stand there (CSP 3, host-source): then any broker may be talked to. */
bool page_policy(const char *ws_url, char *out, size_t size) {
    const char *host = strstr(ws_url, "://") + 3;
    size_t len = (size_t)(host - ws_url);

    len = *host == '[' ? len - 2 : len + strcspn(host, "/");
    return snprintf(out, size, client_policy, (int)len, ws_url) < (int)size;
}

enum hum_status handle_page(struct request *request, struct reply *reply) {
    const struct page *page = pages_find(request->api->pages, request->path);

    if (!page) {
        return HUM_NOT_FOUND;
    }
    bool pack = page->packed.bytes.data && request->takes_gzip;
    const struct page_body *body = pack ? &page->packed : &page->plain;

    reply->cache_control =
        strcmp(page->path, "/") == 0 ? "public, max-age=0" : "public, max-age=300";
    reply->type = page->type;
    reply->policy = page->client ? request->api->page_policy : policy;
    reply->encoding = pack ? "gzip" : NULL;
    reply->vary = page->packed.bytes.data ? "Accept-Encoding" : NULL;
    snprintf(reply->etag, sizeof reply->etag, "%s", body->etag);
    if (request_knows(request, reply->etag)) {
        reply->http = 304;
    } else {
        reply->file = &body->bytes;
    }
    return HUM_OK;
}
