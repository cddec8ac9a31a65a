/* The log's queue: what is written, in which order, and what happens when nobody takes it. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lines.h"

enum { THREADS = 4, EACH = 500 };

static _Atomic(uint64_t) reported;

static void report(uint64_t dropped) { reported += dropped; }

/* [0] is read, [1] is written to. */
static void open_pipe(int ends[2]) { assert_int_equal(pipe2(ends, O_CLOEXEC), 0); }

static char *read_all(int fd) {
    size_t len = 0, cap = 4 * 1024 * 1024;
    char *text = malloc(cap);
    ssize_t got;

    assert_non_null(text);
    while ((got = read(fd, text + len, cap - 1 - len)) > 0) {
        len += (size_t)got;
    }
    text[len] = '\0';
    return text;
}

static void put(enum lines_stream stream, const char *text) {
    lines_put(stream, text, strlen(text));
}

static void each_stream_keeps_its_order(void **state) {
    int out[2], err[2];
    char line[32];

    (void)state;
    open_pipe(out);
    open_pipe(err);
    assert_int_equal(lines_start(out[1], err[1], report), HUM_OK);
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof line, "%d\n", i);
        put(i % 3 == 0 ? LINES_ERR : LINES_OUT, line);
    }
    lines_stop();
    close(out[1]);
    close(err[1]);
    char *texts[] = {read_all(out[0]), read_all(err[0])};
    char *at[] = {texts[0], texts[1]};
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(strtol(at[i % 3 == 0], &at[i % 3 == 0], 10), i);
    }
    assert_string_equal(at[0], "\n");
    assert_string_equal(at[1], "\n");
    free(texts[0]);
    free(texts[1]);
    close(out[0]);
    close(err[0]);
}

static void *put_many(void *arg) {
    char line[200];

    memset(line, *(const char *)arg, sizeof line);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < EACH; i++) {
        lines_put(LINES_OUT, line, sizeof line);
    }
    return NULL;
}

static void *reader(void *arg) { return read_all(*(int *)arg); }

static void lines_of_threads_stay_whole(void **state) {
    static char marks[THREADS] = {'a', 'b', 'c', 'd'};
    pthread_t threads[THREADS], taker;
    void *text = NULL;
    int out[2];

    (void)state;
    open_pipe(out);
    assert_int_equal(lines_start(out[1], out[1], report), HUM_OK);
    assert_int_equal(pthread_create(&taker, NULL, reader, &out[0]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &marks[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    lines_stop();
    close(out[1]);
    pthread_join(taker, &text);
    size_t count = 0;
    for (const char *at = text; *at; at += 200, count++) {
        assert_int_equal(strspn(at, (char[]){*at, '\0'}), 199);
        assert_int_equal(at[199], '\n');
    }
    assert_int_equal(count, THREADS * EACH);
    free(text);
    close(out[0]);
}

static void a_full_pipe_drops_and_says_so(void **state) {
    uint64_t before = lines_dropped();
    pthread_t taker;
    void *text = NULL;
    int out[2];
    char line[100];
    size_t all = 2 * LINES_QUEUE / sizeof line;

    (void)state;
    open_pipe(out);
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    assert_int_equal(lines_start(out[1], out[1], report), HUM_OK);
    for (size_t i = 0; i < all; i++) { /* would never end if it waited */
        lines_put(LINES_OUT, line, sizeof line);
    }
    uint64_t dropped = lines_dropped() - before;
    assert_true(dropped > 0);
    assert_int_equal(reported, 0);
    assert_int_equal(pthread_create(&taker, NULL, reader, &out[0]), 0);
    while (reported == 0) {
        usleep(1000);
    }
    assert_int_equal(reported, dropped);
    lines_stop();
    close(out[1]);
    pthread_join(taker, &text);
    assert_int_equal(strlen(text), (all - dropped) * sizeof line);
    free(text);
    close(out[0]);
}

static void what_cannot_be_written_is_counted(void **state) {
    uint64_t before = lines_dropped();
    int out[2];

    (void)state;
    open_pipe(out);
    close(out[0]);
    assert_int_equal(lines_start(out[1], out[1], report), HUM_OK);
    put(LINES_OUT, "nobody reads this\n");
    put(LINES_ERR, "nor this\n");
    lines_stop();
    assert_int_equal(lines_dropped() - before, 2);
    close(out[1]);
}

static void a_long_line_is_cut(void **state) {
    static char line[LINES_MAX + 100];
    int out[2];

    (void)state;
    open_pipe(out);
    memset(line, 'x', sizeof line);
    assert_int_equal(lines_start(out[1], out[1], report), HUM_OK);
    lines_put(LINES_OUT, line, sizeof line);
    lines_stop();
    close(out[1]);
    char *text = read_all(out[0]);
    assert_int_equal(strlen(text), LINES_MAX);
    free(text);
    close(out[0]);
}

/* The last of all: the thread stays behind. */
static void stopping_does_not_wait_for_ever(void **state) {
    int out[2];
    char line[100] = "";

    (void)state;
    open_pipe(out);
    assert_int_equal(lines_start(out[1], out[1], report), HUM_OK);
    for (int i = 0; i < 2000; i++) {
        lines_put(LINES_OUT, line, sizeof line);
    }
    lines_stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stream_keeps_its_order),
        cmocka_unit_test(lines_of_threads_stay_whole),
        cmocka_unit_test(a_full_pipe_drops_and_says_so),
        cmocka_unit_test(what_cannot_be_written_is_counted),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(stopping_does_not_wait_for_ever),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
