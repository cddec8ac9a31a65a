/* What an earlier run has left: found in order, passed over up to the mark, removed when done. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay.h"

enum { SEGMENT = 4096 };

static char path[64];
static int folder;

static int make_folder(void **state) {
    (void)state;
    strcpy(path, "/tmp/unit-replay-XXXXXX");
    if (!mkdtemp(path)) {
        return -1;
    }
    folder = open(path, O_RDONLY | O_DIRECTORY);
    return folder >= 0 ? 0 : -1;
}

static int remove_folder(void **state) {
    char command[100];

    (void)state;
    close(folder);
    snprintf(command, sizeof command, "rm -rf %s", path);
    return system(command);
}

static void name_of(char name[32], uint64_t start) {
    snprintf(name, 32, "%016llx.seg", (unsigned long long)start);
}

static bool is_there(uint64_t start) {
    char name[32];

    name_of(name, start);
    return faccessat(folder, name, F_OK, 0) == 0;
}

static void write_file(uint64_t start, const void *bytes, size_t len) {
    char name[32];

    name_of(name, start);
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

/* Numbered from number on, 64 bytes each; returns the next number. */
static int64_t write_segment(uint64_t start, size_t size, int64_t number, size_t count) {
    unsigned char *bytes = calloc(1, size);

    for (size_t i = 0; i < count; i++) {
        const struct record record = {
            .sender = number++, .nonce = str_of("no"), .text = str_of("fourteen bytes")};

        assert_int_equal(record_size(&record), 64);
        record_write(bytes + i * 64, &record, start + i * 64);
    }
    write_file(start, bytes, size);
    free(bytes);
    return number;
}

static void turn_a_bit(uint64_t start, off_t at) {
    char name[32];
    unsigned char byte;

    name_of(name, start);
    int fd = openat(folder, name, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static struct replay *open_at(uint64_t committed) {
    char error[200] = "";
    struct replay *replay = replay_open(folder, committed, error, sizeof error);

    if (!replay) {
        fail_msg("%s", error);
    }
    return replay;
}

static void assert_next(struct replay *replay, int64_t number) {
    struct record record;
    size_t damaged;
    uint64_t at;

    assert_true(replay_read(replay, &record, &damaged, &at));
    assert_int_equal(record.sender, number);
    assert_true(record.replayed);
    assert_int_equal(damaged, 0);
    assert_int_equal(replay_position(replay), record.position + 64);
}

static void assert_end(struct replay *replay) {
    struct record record;
    size_t damaged;
    uint64_t at;

    assert_false(replay_read(replay, &record, &damaged, &at));
    assert_int_equal(damaged, 0);
}

static void test_nothing(void **state) {
    struct replay *replay = open_at(0);

    (void)state;
    assert_end(replay);
    assert_int_equal(replay_end(replay), 0);
    assert_int_equal(replay_bytes(replay), 0);
    replay_release(replay, UINT64_MAX);
    replay_free(replay);
    replay_free(NULL);
    replay = open_at(12345);
    assert_end(replay);
    replay_free(replay);
}

/* Written in any order, of several sizes, not all next to each other. */
static void test_in_order(void **state) {
    (void)state;
    write_segment(10 * SEGMENT, 2 * SEGMENT, 8, 3);
    write_segment(0, SEGMENT, 1, 4);
    write_segment(SEGMENT, 512, 5, 3);
    struct replay *replay = open_at(0);
    assert_int_equal(replay_bytes(replay), SEGMENT + 512 + 2 * SEGMENT);
    assert_int_equal(replay_end(replay), 12 * SEGMENT);
    for (int64_t n = 1; n <= 10; n++) {
        assert_next(replay, n);
    }
    assert_end(replay);
    assert_end(replay);
    assert_int_equal(replay_position(replay), 12 * SEGMENT);
    replay_free(replay);
    assert_true(is_there(0) && is_there(SEGMENT) && is_there(10 * SEGMENT));
}

/* Each position may be the mark: what lies before it does not come, and whole files of it are gone.
 */
static void test_each_mark(void **state) {
    (void)state;
    for (int64_t released = 0; released <= 6; released++) {
        write_segment(0, SEGMENT, 1, 3);
        write_segment(SEGMENT, SEGMENT, 4, 3);
        uint64_t mark =
            released <= 3 ? (uint64_t)released * 64 : SEGMENT + (uint64_t)(released - 3) * 64;
        struct replay *replay = open_at(mark);

        assert_int_equal(is_there(0), released <= 3);
        for (int64_t n = released + 1; n <= 6; n++) {
            assert_next(replay, n);
        }
        assert_end(replay);
        replay_free(replay);
    }
    struct replay *replay = open_at(2 * SEGMENT);
    assert_false(is_there(0) || is_there(SEGMENT));
    assert_end(replay);
    replay_free(replay);
}

static void test_release(void **state) {
    (void)state;
    write_segment(0, SEGMENT, 1, 2);
    write_segment(SEGMENT, SEGMENT, 3, SEGMENT / 64);
    write_segment(2 * SEGMENT, SEGMENT, 3 + SEGMENT / 64, 1);
    struct replay *replay = open_at(0);
    assert_next(replay, 1);
    assert_next(replay, 2);
    replay_release(replay, replay_position(replay));
    assert_true(is_there(0)); /* its end is not released */
    assert_next(replay, 3);
    replay_release(replay, SEGMENT);
    assert_false(is_there(0));
    assert_int_equal(replay_bytes(replay), 2 * SEGMENT);
    for (int64_t n = 4; n < 3 + SEGMENT / 64; n++) {
        assert_next(replay, n);
    }
    /* The file that was read to its last byte goes while it is the one that is read. */
    replay_release(replay, replay_position(replay));
    assert_false(is_there(SEGMENT));
    assert_next(replay, 3 + SEGMENT / 64);
    assert_end(replay);
    replay_release(replay, replay_position(replay));
    assert_false(is_there(2 * SEGMENT));
    assert_int_equal(replay_bytes(replay), 0);
    replay_free(replay);
}

/* Damage is told once, with its place; what the mark has passed is nobody's loss. */
static void test_damage(void **state) {
    struct record record;
    size_t damaged;
    uint64_t at;

    (void)state;
    write_segment(0, SEGMENT, 1, 5);
    turn_a_bit(0, 64 + 9);
    struct replay *replay = open_at(0);
    assert_next(replay, 1);
    assert_true(replay_read(replay, &record, &damaged, &at));
    assert_int_equal(record.sender, 3);
    assert_int_equal(damaged, 64);
    assert_int_equal(at, 64);
    assert_next(replay, 4);
    assert_next(replay, 5);
    assert_end(replay);
    replay_free(replay);

    replay = open_at(128);
    assert_next(replay, 3);
    replay_free(replay);

    /* All that is left is damaged: told at the end. */
    turn_a_bit(0, 4 * 64 + 20);
    replay = open_at(3 * 64);
    assert_next(replay, 4);
    assert_false(replay_read(replay, &record, &damaged, &at));
    assert_true(damaged > 0 && damaged <= 64);
    assert_int_equal(at, 4 * 64);
    replay_free(replay);
}

static void test_what_is_left_alone_and_what_is_not(void **state) {
    static const char *const names[] = {
        "mark",
        "lock",
        "0000000000000000.seg~",
        "000000000000000.seg",
        "00000000000000000.seg",
        "000000000000000G.seg",
        "00000000000000AA.seg",
        "+000000000000000.seg",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        int fd = openat(folder, names[i], O_WRONLY | O_CREAT, 0600);

        assert_true(fd >= 0);
        close(fd);
    }
    write_segment(0, SEGMENT, 1, 1);
    write_segment(SEGMENT, SEGMENT, 0, 0); /* zeros among others stay, */
    write_segment(2 * SEGMENT, SEGMENT, 2, 1);
    write_segment(3 * SEGMENT, SEGMENT, 0, 0); /* zeros at the end were never used */
    write_file(4 * SEGMENT, "", 0);            /* nor were those without a byte */
    struct replay *replay = open_at(0);
    assert_true(is_there(SEGMENT));
    assert_false(is_there(3 * SEGMENT) || is_there(4 * SEGMENT));
    assert_int_equal(replay_end(replay), 3 * SEGMENT);
    assert_next(replay, 1);
    assert_next(replay, 2);
    assert_end(replay);
    replay_release(replay, UINT64_MAX);
    replay_free(replay);
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(faccessat(folder, names[i], F_OK, 0), 0);
    }
}

/* A folder with the name of a segment is nothing that could be read: it is said, nothing is lost.
 */
static void test_what_cannot_be_read(void **state) {
    char error[200] = "";

    (void)state;
    assert_int_equal(mkdirat(folder, "0000000000001000.seg", 0700), 0);
    write_segment(0, SEGMENT, 1, 1);
    assert_null(replay_open(folder, 0, error, sizeof error));
    assert_non_null(strstr(error, "cannot be read"));
    assert_true(is_there(0));
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(test_nothing),
        IN_A_FOLDER(test_in_order),
        IN_A_FOLDER(test_each_mark),
        IN_A_FOLDER(test_release),
        IN_A_FOLDER(test_damage),
        IN_A_FOLDER(test_what_is_left_alone_and_what_is_not),
        IN_A_FOLDER(test_what_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
