/* The journal: in order, bounded, replayed, among damage, and between two threads. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal.h"

enum { BYTES = 512 * 1024, SEGMENT = 64 * 1024 };

static char folder[64];
static atomic_int lines; /* that the journal logged */

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/unit-journal-XXXXXX");
    atomic_store(&lines, 0);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    char command[100];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void count_line(void *arg, bool error, const char *line) {
    (void)arg;
    (void)error;
    assert_non_null(line);
    atomic_fetch_add(&lines, 1);
}

static struct journal *open_with(size_t bytes) {
    const struct journal_config config = {.folder = folder, .bytes = bytes, .log = count_line};
    char error[200] = "";
    struct journal *journal = journal_open(&config, error, sizeof error);

    if (!journal) {
        fail_msg("%s", error);
    }
    return journal;
}

static struct journal *open_journal(void) { return open_with(BYTES); }

/* Message number n; its length follows from the number. */
static struct record record_of(int64_t n) {
    static _Thread_local char letters[MESSAGE_PAYLOAD_MAX + 64], nonce[24];

    if (!letters[0]) {
        for (size_t i = 0; i < sizeof letters; i++) {
            letters[i] = (char)('a' + i % 23);
        }
    }
    snprintf(nonce, sizeof nonce, "n-%lld", (long long)n);
    uint64_t mixed = (uint64_t)n * 0x9e3779b97f4a7c15u >> 32;
    size_t len = mixed % 50 == 0 ? mixed % MESSAGE_PAYLOAD_MAX : mixed % 200;
    return (struct record){.room = n % 7 + 1,
                           .sender = n,
                           .reply_to = n % 3,
                           .accepted_at = n + 1,
                           .nonce = str_of(nonce),
                           .text = {letters + n % 23, len}};
}

/* The journal's own thread makes room; give it a moment. */
static enum hum_status push(struct journal *journal, int64_t n, int patience_ms) {
    struct record record = record_of(n);
    enum hum_status status = journal_push(journal, &record);

    while (status == HUM_UNAVAILABLE && patience_ms-- > 0) {
        (void)poll(NULL, 0, 1);
        status = journal_push(journal, &record);
    }
    return status;
}

static void assert_is(const struct record *read, int64_t n, bool replayed) {
    struct record expected = record_of(n);

    if (read->sender != n) {
        fail_msg("message %lld where %lld is due", (long long)read->sender, (long long)n);
    }
    assert_int_equal(read->room, expected.room);
    assert_int_equal(read->reply_to, expected.reply_to);
    assert_int_equal(read->accepted_at, expected.accepted_at);
    assert_true(str_equal(read->nonce, expected.nonce));
    assert_true(str_equal(read->text, expected.text));
    assert_int_equal(read->replayed, replayed);
}

static void assert_next(struct journal *journal, int64_t n, bool replayed) {
    struct record read;

    assert_true(journal_read(journal, &read));
    assert_is(&read, n, replayed);
}

static void assert_empty(struct journal *journal) {
    struct record read;

    assert_false(journal_read(journal, &read));
}

static int files(void) {
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int found = 0;

    while ((entry = readdir(dir))) {
        found += strstr(entry->d_name, ".seg") != NULL;
    }
    closedir(dir);
    return found;
}

/* ---- One thread ---- */

static void test_in_order(void **state) {
    struct journal *journal = open_journal();
    uint64_t before = 0;

    (void)state;
    assert_empty(journal);
    assert_int_equal(journal_backlog(journal), 0);
    for (int64_t n = 1; n <= 100; n++) {
        assert_int_equal(push(journal, n, 0), HUM_OK);
    }
    assert_true(journal_backlog(journal) > 100 * 60);
    for (int64_t n = 1; n <= 100; n++) {
        assert_next(journal, n, false);
        assert_true(journal_position(journal) > before);
        before = journal_position(journal);
    }
    assert_empty(journal);
    journal_release(journal, journal_position(journal));
    assert_int_equal(journal_backlog(journal), 0);
    assert_false(journal_broken(journal));
    journal_close(journal);
    journal_close(NULL);
}

static void test_files_are_private(void **state) {
    struct journal *journal = open_journal();
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    (void)state;
    while ((entry = readdir(dir))) {
        char path[400];
        struct stat info;

        if (strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0077, 0);
    }
    closedir(dir);
    journal_close(journal);
}

/* Full: refused; what is there stays; a release makes room; the disk never holds more than the
 * bound and a spare. */
static void test_full_and_free_again(void **state) {
    struct journal *journal = open_journal();
    int64_t pushed = 0, read = 0;

    (void)state;
    for (int round = 0; round < 5; round++) {
        while (push(journal, pushed + 1, 50) == HUM_OK) {
            pushed++;
        }
        assert_true(journal_backlog(journal) <= BYTES);
        assert_true(journal_backlog(journal) > BYTES / 2);
        assert_true(files() <= BYTES / SEGMENT + 1);
        int64_t until = round % 2 ? pushed : read + (pushed - read) / 2;
        while (read < until) {
            assert_next(journal, ++read, false);
        }
        journal_release(journal, journal_position(journal));
    }
    while (read < pushed) {
        assert_next(journal, ++read, false);
    }
    assert_empty(journal);
    assert_int_equal(atomic_load(&lines), 0);
    journal_close(journal);
}

/* Any order of pushing, reading, releasing and starting again. What is released is gone, what is
 * not comes again, nothing else does. */
static void test_against_a_model(void **state) {
    struct journal *journal = open_journal();
    int64_t pushed = 0, read = 0, released = 0, replayed_to = 0;
    static uint64_t behind[200001]; /* position behind each message */

    (void)state;
    for (int i = 0; i < 4000; i++) {
        uint64_t what = dice(100);

        if (what < 50) {
            for (uint64_t n = dice(40); n > 0 && pushed < 200000; n--) {
                if (push(journal, pushed + 1, 0) == HUM_OK) {
                    pushed++;
                }
            }
        } else if (what < 85) {
            for (uint64_t n = dice(60); n > 0 && read < pushed; n--) {
                read++;
                assert_next(journal, read, read <= replayed_to);
                behind[read] = journal_position(journal);
            }
        } else if (what < 98 && read > released) {
            released += (int64_t)dice((uint64_t)(read - released) + 1);
            if (released > 0) {
                journal_release(journal, behind[released]);
            }
        } else if (what >= 99) {
            journal_close(journal);
            journal = open_journal();
            read = released;
            replayed_to = pushed;
        }
    }
    while (read < pushed) {
        read++;
        assert_next(journal, read, read <= replayed_to);
    }
    assert_empty(journal);
    assert_true(pushed > 1000); /* as many as fit before the first segment is taken back */
    assert_int_equal(atomic_load(&lines), 0);
    journal_close(journal);
}

/* ---- Another run ---- */

static void test_what_is_released_does_not_come_again(void **state) {
    struct journal *journal = open_journal();

    (void)state;
    for (int64_t n = 1; n <= 10; n++) {
        assert_int_equal(push(journal, n, 0), HUM_OK);
    }
    for (int64_t n = 1; n <= 4; n++) {
        assert_next(journal, n, false);
    }
    journal_release(journal, journal_position(journal));
    assert_next(journal, 5, false);
    journal_close(journal);

    journal = open_journal();
    assert_int_equal(push(journal, 11, 0), HUM_OK);
    for (int64_t n = 5; n <= 10; n++) {
        assert_next(journal, n, true);
    }
    assert_next(journal, 11, false);
    assert_empty(journal);
    journal_release(journal, journal_position(journal));
    journal_close(journal);

    journal = open_journal();
    assert_empty(journal);
    journal_release(journal, journal_position(journal));
    assert_int_equal(journal_backlog(journal), 0);
    journal_close(journal);
}

/* Killed in the middle: a child pushes and is gone without a word. */
static void test_killed(void **state) {
    struct journal *journal;
    int status;

    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        journal = open_journal();
        for (int64_t n = 1; n <= 300; n++) {
            struct record read;

            if (push(journal, n, 1000) != HUM_OK || (n <= 100 && !journal_read(journal, &read))) {
                _exit(1);
            }
        }
        journal_release(journal, journal_position(journal));
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    journal = open_journal();
    for (int64_t n = 101; n <= 300; n++) {
        assert_next(journal, n, true);
    }
    assert_empty(journal);
    journal_close(journal);
}

static void test_one_owner(void **state) {
    struct journal *journal = open_journal();
    const struct journal_config config = {.folder = folder, .bytes = BYTES, .log = count_line};
    char error[200] = "";

    (void)state;
    assert_null(journal_open(&config, error, sizeof error));
    assert_non_null(strstr(error, "another broker"));
    assert_int_equal(push(journal, 1, 0), HUM_OK);
    journal_close(journal);
    journal = open_journal();
    assert_next(journal, 1, true);
    journal_close(journal);
}

static void test_no_folder(void **state) {
    const struct journal_config config = {
        .folder = "/tmp/unit-journal-absent/journal", .bytes = BYTES, .log = count_line};
    char error[200] = "";

    (void)state;
    assert_null(journal_open(&config, error, sizeof error));
    assert_non_null(strstr(error, "No such file"));
}

/* ---- Damage ---- */

/* The segment that holds what was pushed first. */
static void first_file(char path[400]) {
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    char least[300] = "z";

    while ((entry = readdir(dir))) {
        if (strstr(entry->d_name, ".seg") && strcmp(entry->d_name, least) < 0) {
            snprintf(least, sizeof least, "%s", entry->d_name);
        }
    }
    closedir(dir);
    snprintf(path, 400, "%s/%s", folder, least);
}

static void overwrite(const char *path, off_t at, const void *bytes, size_t len) {
    int fd = open(path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, at), len);
    close(fd);
}

/* How many of the messages 1 to count come again, in order and unchanged. */
static int64_t come_again(int64_t count) {
    struct journal *journal = open_journal();
    struct record read;
    int64_t found = 0, last = 0;

    while (journal_read(journal, &read)) {
        assert_true(read.sender > last && read.sender <= count);
        assert_is(&read, read.sender, true);
        last = read.sender;
        found++;
    }
    journal_close(journal);
    return found;
}

static void test_a_byte_turned_anywhere(void **state) {
    char path[400];

    (void)state;
    struct journal *journal = open_journal();
    for (int64_t n = 1; n <= 20; n++) {
        assert_int_equal(push(journal, n, 0), HUM_OK);
    }
    journal_close(journal);
    first_file(path);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    for (off_t at = 0; at < 2000; at += 37) {
        unsigned char byte, turned;

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        turned = byte ^ 0x40;
        overwrite(path, at, &turned, 1);
        assert_int_equal(come_again(20), 19);
        overwrite(path, at, &byte, 1);
    }
    close(fd);
    assert_int_equal(come_again(20), 20);
    assert_true(atomic_load(&lines) > 0);
}

static void test_files_cut_and_strange(void **state) {
    char path[400], strange[400];

    (void)state;
    struct journal *journal = open_journal();
    for (int64_t n = 1; n <= 20; n++) {
        assert_int_equal(push(journal, n, 0), HUM_OK);
    }
    journal_close(journal);
    first_file(path);
    snprintf(strange, sizeof strange, "%s/0000000000000000.seg.bak", folder);
    overwrite(path, 0, "", 0);
    int fd = open(strange, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(come_again(20), 20);
    assert_int_equal(truncate(path, 1003), 0); /* in the middle of a record */
    int64_t left = come_again(20);
    assert_true(left > 2 && left < 20);
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(come_again(20), 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(come_again(20), 0);
    journal = open_journal();
    assert_empty(journal);
    journal_release(journal, journal_position(journal));
    assert_int_equal(push(journal, 1, 1000), HUM_OK);
    assert_next(journal, 1, false);
    journal_close(journal);
}

/* A mark that cannot be believed: everything that is there comes again. */
static void test_a_mark_that_is_torn(void **state) {
    char path[400];

    (void)state;
    struct journal *journal = open_journal();
    for (int64_t n = 1; n <= 10; n++) {
        assert_int_equal(push(journal, n, 0), HUM_OK);
        assert_next(journal, n, false);
    }
    journal_release(journal, journal_position(journal));
    assert_int_equal(push(journal, 11, 0), HUM_OK);
    journal_close(journal);
    snprintf(path, sizeof path, "%s/mark", folder);
    overwrite(path, 0, "\xff\xff", 2);
    assert_int_equal(come_again(11), 11);
}

/* ---- Two threads ---- */

enum { MANY = 60000 };

static void *push_many(void *arg) {
    struct journal *journal = arg;

    for (int64_t n = 1; n <= MANY; n++) {
        if (push(journal, n, 20000) != HUM_OK) {
            return arg;
        }
        if (n % 5000 == 0) {
            (void)poll(NULL, 0, 5); /* the reader falls asleep */
        }
    }
    return NULL;
}

static void test_two_threads(void **state) {
    struct journal *journal = open_journal();
    void *failed = journal;
    pthread_t thread;
    int64_t read = 0;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, push_many, journal), 0);
    while (read < MANY) {
        struct record record;

        journal_wait(journal, 20000);
        while (journal_read(journal, &record)) {
            assert_is(&record, ++read, false);
            if (read % 64 == 0) {
                journal_release(journal, journal_position(journal));
            }
        }
        journal_release(journal, journal_position(journal));
    }
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(journal_backlog(journal), 0);
    assert_int_equal(atomic_load(&lines), 0);
    journal_close(journal);
}

static void *wake(void *arg) {
    (void)poll(NULL, 0, 20);
    journal_wake(arg);
    return NULL;
}

static void test_waking(void **state) {
    struct journal *journal = open_journal();
    pthread_t thread;

    (void)state;
    journal_wait(journal, 1); /* ends by itself */
    assert_int_equal(pthread_create(&thread, NULL, wake, journal), 0);
    journal_wait(journal, -1);
    pthread_join(thread, NULL);
    assert_int_equal(push(journal, 1, 0), HUM_OK);
    journal_wait(journal, -1); /* something is there */
    assert_next(journal, 1, false);
    journal_close(journal);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(test_in_order),
        IN_A_FOLDER(test_files_are_private),
        IN_A_FOLDER(test_full_and_free_again),
        IN_A_FOLDER(test_against_a_model),
        IN_A_FOLDER(test_what_is_released_does_not_come_again),
        IN_A_FOLDER(test_killed),
        IN_A_FOLDER(test_one_owner),
        IN_A_FOLDER(test_no_folder),
        IN_A_FOLDER(test_a_byte_turned_anywhere),
        IN_A_FOLDER(test_files_cut_and_strange),
        IN_A_FOLDER(test_a_mark_that_is_torn),
        IN_A_FOLDER(test_two_threads),
        IN_A_FOLDER(test_waking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
