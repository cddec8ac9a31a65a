#include "pages.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PATH_SIZE = 4096,
    FILE_MAX = 8 * 1024 * 1024,
};

static const struct {
    const char *path;
    const char *file;
    const char *type;
} files[] = {
    {"/openapi.yaml", "openapi.yaml", "application/yaml"},
    {"/asyncapi.yaml", "asyncapi.yaml", "application/yaml"},
    {"/docs", "docs.html", "text/html; charset=utf-8"},
    {"/docs/start.js", "start.js", "text/javascript; charset=utf-8"},
    {"/docs/swagger-ui-bundle.js", "swagger-ui-bundle.js", "text/javascript; charset=utf-8"},
    {"/docs/swagger-ui.css", "swagger-ui.css", "text/css; charset=utf-8"},
    {"/docs/favicon.png", "favicon-32x32.png", "image/png"},
    {"/verify", "link.html", "text/html; charset=utf-8"},
    {"/reset", "link.html", "text/html; charset=utf-8"},
    {"/change", "link.html", "text/html; charset=utf-8"},
    {"/link.js", "link.js", "text/javascript; charset=utf-8"},
    {"/link.css", "link.css", "text/css; charset=utf-8"},
    {"/", "desktop.html", "text/html; charset=utf-8"},
    {"/desktop/app.js", "desktop-app.js", "text/javascript; charset=utf-8"},
    {"/desktop/mqtt.js", "desktop-mqtt.js", "text/javascript; charset=utf-8"},
    {"/desktop/app.css", "desktop-app.css", "text/css; charset=utf-8"},
    {"/desktop/icon.svg", "desktop-icon.svg", "image/svg+xml"},
};

enum { FILES = sizeof files / sizeof files[0] };

struct pages {
    struct page list[FILES]; /* as files; .plain.bytes.data NULL: not there */
};

/* All of an open file, at most FILE_MAX bytes. */
static char *read_all(FILE *file, size_t *ret_len) {
    if (fseek(file, 0, SEEK_END) != 0) {
        return NULL;
    }
    long size = ftell(file);
    if (size <= 0 || size > FILE_MAX || fseek(file, 0, SEEK_SET) != 0) {
        return NULL;
    }
    char *bytes = malloc((size_t)size);
    if (bytes && fread(bytes, 1, (size_t)size, file) != (size_t)size) {
        free(bytes);
        return NULL;
    }
    *ret_len = (size_t)size;
    return bytes;
}

static void tag(struct page_body *body) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[sizeof hash * 2 + 1];

    crypto_hash_sha256(hash, (const unsigned char *)body->bytes.data, body->bytes.len);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(body->etag, sizeof body->etag, "\"%s\"", hex);
}

static bool load_body(const char *folder, const char *name, const char *end,
                      struct page_body *body) {
    char path[PATH_SIZE];
    size_t len = 0;

    if (snprintf(path, sizeof path, "%s/%s%s", folder, name, end) >= (int)sizeof path) {
        return false;
    }
    FILE *file = fopen(path, "rbe");
    char *bytes = file ? read_all(file, &len) : NULL;
    if (file) {
        fclose(file);
    }
    if (!bytes) {
        return false;
    }
    body->bytes = (struct str){bytes, len};
    tag(body);
    return true;
}

/* Packed as well, and allowed to talk to the broker. */
static bool is_client(const char *path) {
    return strcmp(path, "/") == 0 || strncmp(path, "/desktop/", 9) == 0;
}

static bool load(const char *folder, size_t i, struct page *page) {
    *page = (struct page){
        .path = files[i].path, .type = files[i].type, .client = is_client(files[i].path)};
    return load_body(folder, files[i].file, "", &page->plain) &&
           (!page->client || load_body(folder, files[i].file, ".gz", &page->packed));
}

static void free_body(struct page_body *body) { free((char *)(uintptr_t)body->bytes.data); }

enum hum_status pages_load(const char *folder, struct pages **ret_pages, const char **ret_missing) {
    struct pages *pages = calloc(1, sizeof *pages);

    if (!pages) {
        return HUM_INTERNAL;
    }
    *ret_missing = NULL;
    for (size_t i = 0; i < FILES && *folder; i++) {
        if (!load(folder, i, &pages->list[i]) && !*ret_missing) {
            *ret_missing = files[i].file;
        }
    }
    *ret_pages = pages;
    return HUM_OK;
}

void pages_free(struct pages *pages) {
    for (size_t i = 0; pages && i < FILES; i++) {
        free_body(&pages->list[i].plain);
        free_body(&pages->list[i].packed);
    }
    free(pages);
}

const struct page *pages_find(const struct pages *pages, const char *path) {
    for (size_t i = 0; i < FILES; i++) {
        if (pages->list[i].plain.bytes.data && strcmp(files[i].path, path) == 0) {
            return &pages->list[i];
        }
    }
    return NULL;
}
