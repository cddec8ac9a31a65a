/* Paths against patterns, query strings, and the bodies of requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "body.h"
#include "match.h"

static const struct {
    const char *pattern;
    const char *path;
    enum match match;
    int64_t ids[2];
} paths[] = {
    {"/v1/users/me", "/v1/users/me", MATCH_YES, {0}},
    {"/v1/users/me", "/v1/users/mee", MATCH_NO, {0}},
    {"/v1/users/me", "/v1/users/me/", MATCH_NO, {0}},
    {"/v1/users/me", "/v1/users", MATCH_NO, {0}},
    {"/v1/users/me", "/v1//users/me", MATCH_NO, {0}},
    {"/v1/users/me", "//v1/users/me", MATCH_NO, {0}},
    {"/v1/users/me", "v1/users/me", MATCH_NO, {0}},
    {"/v1/users/me", "", MATCH_NO, {0}},
    {"/v1/users/me", "/v1/users/%6de", MATCH_NO, {0}},
    {"/v1/users/{id}", "/v1/users/7", MATCH_YES, {7}},
    {"/v1/users/{id}", "/v1/users/9223372036854775807", MATCH_YES, {INT64_MAX}},
    {"/v1/users/{id}", "/v1/users/9223372036854775808", MATCH_BAD_ID, {0}},
    {"/v1/users/{id}", "/v1/users/0", MATCH_BAD_ID, {0}},
    {"/v1/users/{id}", "/v1/users/07", MATCH_BAD_ID, {0}},
    {"/v1/users/{id}", "/v1/users/-7", MATCH_BAD_ID, {0}},
    {"/v1/users/{id}", "/v1/users/7%20", MATCH_BAD_ID, {0}},
    {"/v1/users/{id}", "/v1/users/{id}", MATCH_BAD_ID, {0}},
    {"/v1/users/{id}", "/v1/users/", MATCH_NO, {0}},
    {"/v1/users/{id}", "/v1/users/7/", MATCH_NO, {0}},
    {"/v1/a/{id}/b/{id}", "/v1/a/1/b/2", MATCH_YES, {1, 2}},
    {"/v1/a/{id}/b/{id}", "/v1/a/1/b/x", MATCH_BAD_ID, {0}},
    {"/v1/a/{id}/b/{id}", "/v1/a/x/c/2", MATCH_NO, {0}},
    {"/v1/a/{code}/b", "/v1/a/x-_%00/b", MATCH_YES, {0}},
    {"/v1/a/{code}/b", "/v1/a//b", MATCH_NO, {0}},
    {"/v1/a/{code}/b", "/v1/a/x", MATCH_NO, {0}},
    {"/v1/a/{code}/b/{id}", "/v1/a/x/b/3", MATCH_YES, {3}},
};

static void test_paths(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        int64_t ids[2] = {0};
        enum match match = match_path(paths[i].pattern, paths[i].path, ids);

        if (match != paths[i].match) {
            fail_msg("%s on %s: %d", paths[i].pattern, paths[i].path, match);
        }
        if (match == MATCH_YES) {
            assert_memory_equal(ids, paths[i].ids, sizeof ids);
        }
    }
}

static void test_segments(void **state) {
    static const char *const segments[] = {"v1", "codes", "x-_%7b", ""};

    (void)state;
    for (size_t i = 0; i < sizeof segments / sizeof segments[0]; i++) {
        assert_true(str_equal(match_segment("/v1/codes/x-_%7b/", i), str_of(segments[i])));
    }
    assert_int_equal(match_segment("/v1/codes", 2).len, 0);
    assert_int_equal(match_segment("", 0).len, 0);
    assert_int_equal(match_segment("v1", 0).len, 0);
}

static const struct {
    const char *text;
    const char *value; /* of "a"; NULL: not well-formed */
    size_t count;
} queries[] = {
    {"a=1", "1", 1},
    {"a=1&b=2", "1", 2},
    {"a", "", 1},
    {"a=", "", 1},
    {"&&a=1&&", "1", 1},
    {"=x&a=1", "1", 1},
    {"a=x%20y+z", "x y z", 1},
    {"%61=%3D", "=", 1},
    {"a=b=c", "b=c", 1},
    {"a=%C3%A9", "\xc3\xa9", 1},
    {"a=%c3%a9", "\xc3\xa9", 1},
    {"a=%", NULL, 1},
    {"a=%4", NULL, 1},
    {"a=%4x", NULL, 1},
    {"a=%4&b=1", NULL, 2},
    {"a=%00", NULL, 1},
    {"a=%ff", NULL, 1},
    {"a=\xff", NULL, 1},
    {"a=1&%ff=1", "1", 1},
    {"a=1&b&b&b&b&b&b&b&b&b&b&b&b&b&b&b&b&b&b&b&b&b&b&b&b", "1", QUERY_MAX},
};

static void test_queries(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        char text[128];
        struct query query;

        snprintf(text, sizeof text, "%s", queries[i].text);
        query_parse(text, &query);
        if (query.count != queries[i].count) {
            fail_msg("%s: %zu values", queries[i].text, query.count);
        }
        assert_true(str_equal(query.list[0].name, str_of("a")));
        if (queries[i].value) {
            assert_true(str_equal(query.list[0].value, str_of(queries[i].value)));
            assert_int_equal(query.list[0].value.data[query.list[0].value.len], '\0');
        } else {
            assert_null(query.list[0].value.data);
        }
    }
}

static const struct {
    const char *text;
    size_t len; /* 0: all */
    bool good;
} bodies[] = {
    {"{}", 0, true},
    {" {\"a\":[1,{\"b\":null}]} ", 0, true},
    {"{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}", 0, true},
    {"{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}", 0, true},
    {"", 0, false},
    {"[]", 0, false},
    {"null", 0, false},
    {"{\"a\":1,\"a\":1}", 0, false},
    {"{\"a\":{\"b\":1,\"b\":1}}", 0, false},
    {"{} x", 0, false},
    {"{\"a\":\"\xff\"}", 0, false},
    {"{\"a\":\"\\ud800\"}", 0, false},
    {"{\"a\":\"\\u0000\"}", 0, false},
    {"{\"a\":\"\0\"}", 9, false},
    {"{\"a\":99999999999999999999}", 0, false},
    {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 0, true},
    {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 0, false},
};

static void test_bodies(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct str text = str_of(bodies[i].text);
        const char *detail = NULL;
        json_t *body = NULL;

        if (bodies[i].len) {
            text.len = bodies[i].len;
        }
        enum hum_status status = body_parse(text, &body, &detail);
        if ((status == HUM_OK) != bodies[i].good) {
            fail_msg("%s: %s", bodies[i].text, detail ? detail : "taken");
        }
        assert_true((body != NULL) == bodies[i].good);
        assert_true((detail == NULL) == bodies[i].good);
        json_decref(body);
    }
}

static void test_types(void **state) {
    (void)state;
    assert_true(body_is_json("application/json"));
    assert_true(body_is_json("Application/JSON"));
    assert_true(body_is_json("application/json; charset=utf-8"));
    assert_true(body_is_json("application/json ;x"));
    assert_false(body_is_json(NULL));
    assert_false(body_is_json(""));
    assert_false(body_is_json("application/jsonp"));
    assert_false(body_is_json("application/json, text/plain"));
    assert_false(body_is_json("text/plain"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),   cmocka_unit_test(test_segments),
        cmocka_unit_test(test_queries), cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
