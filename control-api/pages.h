/* Files that are served as they are: the specification, Swagger UI, which shows it, and the desktop
 * client. */
#ifndef HUM_PAGES_H
#define HUM_PAGES_H

#include <stdbool.h>

#include "status.h"
#include "str.h"

enum { PAGE_TAG_MAX = 72 };

struct page_body {
    struct str bytes;
    char etag[PAGE_TAG_MAX]; /* the SHA-256 of the bytes, with its quotes */
};

struct page {
    const char *path; /* of the URL */
    const char *type; /* Content-Type */
    bool client;      /* of the desktop client, which talks to the broker */
    struct page_body plain;
    struct page_body packed; /* by gzip, beforehand; .bytes.data NULL: it is not */
};

struct pages;

/* Reads all of a folder's files that there are addresses for; folder "": none. ret_missing: the
 * name of one that could not be read (a constant), or NULL; what is there is served all the same.
 * HUM_INTERNAL: no memory. */
HUM_MUSTCHECK enum hum_status pages_load(const char *folder, struct pages **ret_pages,
                                         const char **ret_missing);
/* NULL is fine. */
void pages_free(struct pages *pages);

/* The page at a path; NULL: none. Lives as long as pages. Any thread. */
const struct page *pages_find(const struct pages *pages, const char *path);

#endif
