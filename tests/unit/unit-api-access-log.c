/* The line of a request, and its id. */
#include "unit.h"

#include <arpa/inet.h>

#include "access_log.h"

static const char *line_of(const struct access_entry *entry) {
    static char line[ACCESS_LINE_MAX + 1];
    size_t len = access_line(entry, line);

    assert_true(len > 0);
    line[len] = '\0';
    return line;
}

static void a_line_names_everything(void **state) {
    struct access_entry entry = {
        .at_ms = 1704067200123,
        .request_id = "r1",
        .method = "GET",
        .route = "/v1/a/{id}/b/{code}",
        .path = "/v1/a/9223372036854775807/b/secret",
        .status = 200,
        .us = 1002003,
        .bytes = 17,
        .user = 5,
    };

    (void)state;
    inet_pton(AF_INET6, "2001:db8::7:8", entry.client.bytes);
    assert_string_equal(line_of(&entry),
                        "{\"time\":\"2024-01-01T00:00:00.123Z\",\"request_id\":\"r1\","
                        "\"method\":\"GET\",\"route\":\"/v1/a/{id}/b/{code}\","
                        "\"path\":\"/v1/a/9223372036854775807/b/{code}\",\"status\":200,"
                        "\"ms\":1002.003,\"bytes\":17,\"user\":\"5\","
                        "\"address\":\"2001:db8::7:8\"}\n");
}

static void a_line_does_without(void **state) {
    struct access_entry entry = {.request_id = "r", .method = "get\"", .path = "\"", .status = 404};

    (void)state;
    assert_string_equal(line_of(&entry),
                        "{\"time\":\"1970-01-01T00:00:00.000Z\",\"request_id\":\"r\","
                        "\"method\":\"other\",\"status\":404,\"ms\":0.000,\"bytes\":0,"
                        "\"address\":\"\"}\n");
}

static void what_is_no_id_is_not_written(void **state) {
    struct access_entry entry = {.request_id = "r", .method = "GET", .route = "/a/{id}"};

    (void)state;
    for (const char **at = (const char *[]){"/a/x", "/a/07", "/a/9999999999999999999", "/a/", "/a",
                                            "/a/7x", NULL};
         *at; at++) {
        entry.path = *at;
        assert_non_null(strstr(line_of(&entry), "\"path\":\"/a/{id}\""));
    }
    entry.path = "/a/7";
    assert_non_null(strstr(line_of(&entry), "\"path\":\"/a/7\""));
}

static void the_largest_line_fits(void **state) {
    char id[REQUEST_ID_MAX + 1];
    struct access_entry entry = {
        .at_ms = 253402300799999,
        .request_id = id,
        .method = "something else",
        .route =
            "/v1/a-path-that-is-as-long-as-any/{id}/of-all-the-routes/{id}/that-we-have/{code}",
        .path = "/v1/a/9223372036854775807/b/9223372036854775807/c/d",
        .status = -2147483647,
        .us = INT64_MAX,
        .bytes = INT64_MAX,
        .user = INT64_MAX,
    };

    (void)state;
    memset(&entry.client, 0xff, sizeof entry.client);
    memset(id, 'x', REQUEST_ID_MAX);
    id[REQUEST_ID_MAX] = '\0';
    assert_true(strlen(line_of(&entry)) < ACCESS_LINE_MAX / 2 + 64);
}

static void good_ids_are_kept(void **state) {
    char id[REQUEST_ID_MAX + 1], given[REQUEST_ID_MAX + 2];

    (void)state;
    request_id("a.B_c:d-9", id);
    assert_string_equal(id, "a.B_c:d-9");
    memset(given, 'x', REQUEST_ID_MAX);
    given[REQUEST_ID_MAX] = '\0';
    request_id(given, id);
    assert_string_equal(id, given);
    given[REQUEST_ID_MAX] = 'x';
    given[REQUEST_ID_MAX + 1] = '\0';
    request_id(given, id);
    assert_int_equal(strlen(id), 16);
}

static void new_ids_differ(void **state) {
    char one[REQUEST_ID_MAX + 1], two[REQUEST_ID_MAX + 1];

    (void)state;
    request_id(NULL, one);
    request_id("", two);
    assert_int_equal(strspn(one, "0123456789abcdef"), 16);
    assert_int_equal(strlen(two), 16);
    assert_string_not_equal(one, two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_names_everything),
        cmocka_unit_test(a_line_does_without),
        cmocka_unit_test(what_is_no_id_is_not_written),
        cmocka_unit_test(the_largest_line_fits),
        cmocka_unit_test(good_ids_are_kept),
        cmocka_unit_test(new_ids_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
