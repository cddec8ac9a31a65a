#include "pages.h"

#include <stdio.h>
#include <string.h>

#include "api.h"

enum { PAGE_ORIGIN_MAX = 400 };

/* All from here, nothing inline, nothing from elsewhere; what is tried out goes here, too. Pictures
 * of the style sheet are within it. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* The desktop client's: it shows pictures that it has just been given, and talks to the broker. */
static const char client_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self' %s %s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

bool page_policy(const char *ws_url, char *out, size_t size) {
    const char *rest = strstr(ws_url, "://");
    char plain[PAGE_ORIGIN_MAX], safe[PAGE_ORIGIN_MAX];

    if (!rest) {
        return false;
    }
    rest += 3;
    int host = (int)strcspn(rest, "/");
    return snprintf(plain, sizeof plain, "ws://%.*s", host, rest) < (int)sizeof plain &&
           snprintf(safe, sizeof safe, "wss://%.*s", host, rest) < (int)sizeof safe &&
           snprintf(out, size, client_policy, plain, safe) < (int)size;
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
