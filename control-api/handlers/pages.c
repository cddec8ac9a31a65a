#include "pages.h"

#include <stdio.h>

#include "api.h"

/* All from here, nothing inline, nothing from elsewhere; what is tried out goes here, too. Pictures
 * of the style sheet are within it. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

enum hum_status handle_page(struct request *request, struct reply *reply) {
    const struct page *page = pages_find(request->api->pages, request->path);

    if (!page) {
        return HUM_NOT_FOUND;
    }
    reply->cache_control = "public, max-age=300";
    reply->type = page->type;
    reply->policy = policy;
    snprintf(reply->etag, sizeof reply->etag, "%s", page->etag);
    if (request_knows(request, reply->etag)) {
        reply->http = 304;
    } else {
        reply->file = &page->bytes;
    }
    return HUM_OK;
}
