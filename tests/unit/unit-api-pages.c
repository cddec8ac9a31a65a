/* Files that are served as they are: what is there, what is missing, and tags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pages.h"

static char folder[] = "/tmp/unit-pages-XXXXXX";

static void path_of(char path[256], const char *name) {
    snprintf(path, 256, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text, size_t len) {
    char path[256];

    path_of(path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void drop_file(const char *name) {
    char path[256];

    path_of(path, name);
    unlink(path);
}

static const char *const names[] = {"openapi.yaml",
                                    "asyncapi.yaml",
                                    "docs.html",
                                    "start.js",
                                    "swagger-ui-bundle.js",
                                    "swagger-ui.css",
                                    "favicon-32x32.png",
                                    "link.html",
                                    "link.js",
                                    "link.css",
                                    "desktop.html",
                                    "desktop.html.gz",
                                    "desktop-app.js",
                                    "desktop-app.js.gz",
                                    "desktop-mqtt.js",
                                    "desktop-mqtt.js.gz",
                                    "desktop-app.css",
                                    "desktop-app.css.gz",
                                    "desktop-icon.svg",
                                    "desktop-icon.svg.gz"};
enum { NAMES = sizeof names / sizeof names[0] };

static int fill(void **state) {
    (void)state;
    for (size_t i = 0; i < NAMES; i++) {
        write_file(names[i], names[i], strlen(names[i]));
    }
    return 0;
}

static int make(void **state) { return mkdtemp(folder) ? fill(state) : -1; }

static int drop(void **state) {
    (void)state;
    for (size_t i = 0; i < NAMES; i++) {
        drop_file(names[i]);
    }
    return rmdir(folder);
}

static struct pages *load(const char *from, const char *missing) {
    struct pages *pages = NULL;
    const char *found = "untouched";

    assert_int_equal(pages_load(from, &pages, &found), HUM_OK);
    assert_true(missing ? found && strcmp(found, missing) == 0 : !found);
    return pages;
}

static void test_all_are_there(void **state) {
    struct pages *pages = load(folder, NULL);
    const struct page *page = pages_find(pages, "/openapi.yaml");

    (void)state;
    assert_non_null(page);
    assert_true(str_equal(page->plain.bytes, str_of("openapi.yaml")));
    assert_string_equal(page->type, "application/yaml");
    /* printf openapi.yaml | sha256sum */
    assert_string_equal(page->plain.etag,
                        "\"d910ba2ef878f7db0223a966b81c8b3f3b65027bb39e4431bb05140171eece39\"");
    page = pages_find(pages, "/docs/favicon.png");
    assert_non_null(page);
    assert_true(str_equal(page->plain.bytes, str_of("favicon-32x32.png")));
    assert_null(page->packed.bytes.data);
    page = pages_find(pages, "/");
    assert_non_null(page);
    assert_true(page->client && str_equal(page->packed.bytes, str_of("desktop.html.gz")));
    assert_string_not_equal(page->plain.etag, page->packed.etag);
    pages_free(pages);
}

static void test_paths_are_exact(void **state) {
    static const char *const paths[] = {
        "",        "//",        "/desktop",     "/docs/", "/docs.html",     "/Docs",
        "/docs/x", "/start.js", "/openapi.yam", "docs",   "/openapi.yaml?", "/docs/../docs"};
    struct pages *pages = load(folder, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_null(pages_find(pages, paths[i]));
    }
    pages_free(pages);
}

/* The first that is missing is named; the others are served all the same. */
static void test_some_are_missing(void **state) {
    (void)state;
    drop_file("swagger-ui.css");
    drop_file("favicon-32x32.png");
    struct pages *pages = load(folder, "swagger-ui.css");
    assert_null(pages_find(pages, "/docs/swagger-ui.css"));
    assert_null(pages_find(pages, "/docs/favicon.png"));
    assert_non_null(pages_find(pages, "/docs"));
    pages_free(pages);
}

static void test_what_is_no_file(void **state) {
    static char large[8 * 1024 * 1024 + 1];
    char path[256];

    (void)state;
    write_file("docs.html", "", 0);
    pages_free(load(folder, "docs.html"));
    write_file("docs.html", large, sizeof large);
    pages_free(load(folder, "docs.html"));
    write_file("docs.html", large, sizeof large - 1);
    pages_free(load(folder, NULL));
    drop_file("docs.html");
    path_of(path, "docs.html");
    assert_int_equal(mkdir(path, 0700), 0);
    pages_free(load(folder, "docs.html"));
    assert_int_equal(rmdir(path), 0);
}

static void test_no_folder(void **state) {
    static char deep[5000];

    (void)state;
    pages_free(load("/nonexistent", "openapi.yaml"));
    memset(deep, 'x', sizeof deep - 1);
    pages_free(load(deep, "openapi.yaml"));
    struct pages *pages = load("", NULL); /* none is wanted */
    assert_null(pages_find(pages, "/docs"));
    pages_free(pages);
    pages_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_all_are_there, fill),
        cmocka_unit_test_setup(test_paths_are_exact, fill),
        cmocka_unit_test_setup(test_some_are_missing, fill),
        cmocka_unit_test_setup(test_what_is_no_file, fill),
        cmocka_unit_test_setup(test_no_folder, fill),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
