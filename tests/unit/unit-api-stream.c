/* Answers that are made while they are sent: whole, or visibly not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "stream.h"

enum { PIECE_MAX = 64 };

/* Makes the pieces of a list; what stands after the last one is how it ends. */
struct script {
    const char *const *pieces;
    size_t count;
    enum hum_status end;
    size_t made;
    int ended;
};

static enum hum_status next(void *arg, struct buf *out, bool *ret_end) {
    struct script *script = arg;

    assert_int_equal(script->ended, 0);
    if (script->made == script->count) {
        return script->end;
    }
    buf_text(out, script->pieces[script->made++]);
    *ret_end = script->made == script->count && script->end == HUM_OK;
    return HUM_OK;
}

static void end(void *arg) { ((struct script *)arg)->ended++; }

static enum hum_status open_script(struct script *script, struct stream **ret) {
    return stream_open(&(struct stream_source){next, end, script}, PIECE_MAX, ret);
}

/* Reads all, size bytes at a time; the last answer of stream_read. */
static ssize_t read_all(struct stream *stream, size_t size, char *text) {
    ssize_t count;

    while ((count = stream_read(stream, text, size)) > 0) {
        text += count;
    }
    *text = '\0';
    return count;
}

static const char *const pieces[] = {"{\"a\":[", "", " ", "1,2,3,4,5,6,7,8,9", "", "]}"};
enum { PIECES = sizeof pieces / sizeof pieces[0] };
static const char whole[] = "{\"a\":[ 1,2,3,4,5,6,7,8,9]}";

static void test_every_size_of_reading(void **state) {
    (void)state;
    for (size_t size = 1; size <= sizeof whole; size++) {
        struct script script = {pieces, PIECES, HUM_OK, 0, 0};
        struct stream *stream;
        char text[128];

        assert_int_equal(open_script(&script, &stream), HUM_OK);
        assert_int_equal(read_all(stream, size, text), 0);
        assert_string_equal(text, whole);
        assert_int_equal(stream_read(stream, text, size), 0);
        stream_free(stream);
        assert_int_equal(script.ended, 1);
    }
}

static void test_pieces_are_made_when_they_are_read(void **state) {
    struct script script = {pieces, PIECES, HUM_OK, 0, 0};
    struct stream *stream;
    char text[128];

    (void)state;
    assert_int_equal(open_script(&script, &stream), HUM_OK);
    assert_int_equal(script.made, 1);
    assert_int_equal(stream_read(stream, text, sizeof text), strlen(pieces[0]));
    assert_int_equal(script.made, 1);
    assert_int_equal(stream_read(stream, text, 1), 1);
    assert_int_equal(script.made, 3);
    stream_free(stream);
    assert_int_equal(script.ended, 1);
}

/* Whoever has read all of it finds the source done with, too. */
static void test_the_source_ends_before_the_last_piece_is_read(void **state) {
    struct script script = {pieces, PIECES, HUM_OK, 0, 0};
    struct stream *stream;
    char text[128];

    (void)state;
    assert_int_equal(open_script(&script, &stream), HUM_OK);
    while (script.made < PIECES) {
        assert_int_equal(script.ended, 0);
        assert_true(stream_read(stream, text, 1) == 1);
    }
    assert_int_equal(script.ended, 1);
    stream_free(stream);
    assert_int_equal(script.ended, 1);
}

static void test_what_fails_at_once_is_no_stream(void **state) {
    struct script script = {pieces, 0, HUM_UNAVAILABLE, 0, 0};
    struct stream *stream = NULL;

    (void)state;
    assert_int_equal(open_script(&script, &stream), HUM_UNAVAILABLE);
    assert_null(stream);
    assert_int_equal(script.ended, 1);
}

static void test_what_fails_later_breaks_off(void **state) {
    (void)state;
    for (size_t count = 1; count <= PIECES; count++) {
        struct script script = {pieces, count, HUM_INTERNAL, 0, 0};
        struct stream *stream;
        char text[128];

        assert_int_equal(open_script(&script, &stream), HUM_OK);
        assert_int_equal(read_all(stream, 5, text), -1);
        assert_int_equal(strncmp(whole, text, strlen(text)), 0);
        assert_int_equal(stream_read(stream, text, 5), -1);
        assert_int_equal(script.ended, 1);
        stream_free(stream);
    }
}

static void test_a_piece_that_is_too_large(void **state) {
    char large[PIECE_MAX + 2];
    const char *const list[] = {"[", large};
    struct script script = {list, 2, HUM_OK, 0, 0};
    struct stream *stream;
    char text[4 * PIECE_MAX];

    (void)state;
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    assert_int_equal(open_script(&script, &stream), HUM_OK);
    assert_int_equal(read_all(stream, sizeof text, text), -1);
    stream_free(stream);
    assert_int_equal(script.ended, 1);
}

static void test_what_is_cut(void **state) {
    struct script script = {pieces, PIECES, HUM_OK, 0, 0};
    struct stream *stream;
    char text[128];

    (void)state;
    assert_int_equal(open_script(&script, &stream), HUM_OK);
    stream_cut(stream);
    assert_int_equal(script.ended, 1);
    assert_int_equal(stream_read(stream, text, sizeof text), 0);
    stream_free(stream);
    assert_int_equal(script.ended, 1);
    stream_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_of_reading),
        cmocka_unit_test(test_pieces_are_made_when_they_are_read),
        cmocka_unit_test(test_the_source_ends_before_the_last_piece_is_read),
        cmocka_unit_test(test_what_fails_at_once_is_no_stream),
        cmocka_unit_test(test_what_fails_later_breaks_off),
        cmocka_unit_test(test_a_piece_that_is_too_large),
        cmocka_unit_test(test_what_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
