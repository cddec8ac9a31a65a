/* The journal when things break: killed at any instant, a disk that is full or fails, a folder that
 * may not be written, files damaged while it runs. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crc32c.h"
#include "journal.h"
#include "segment.h"

enum { BYTES = 512 * 1024, SEGMENT = 64 * 1024, LONG_MS = 5000 };

/* ---- The system calls that fail when they are told to ---- */

static atomic_bool disk_full, sync_fails;
static atomic_int file_syncs, folder_syncs;

int fallocate(int fd, int mode, off_t offset, off_t len) {
    if (atomic_load(&disk_full)) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

static int sync_or_fail(atomic_int *count, long number, int fd) {
    atomic_fetch_add(count, 1);
    if (atomic_load(&sync_fails)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(number, fd);
}

int fdatasync(int fd) { return sync_or_fail(&file_syncs, SYS_fdatasync, fd); }

int fsync(int fd) { return sync_or_fail(&folder_syncs, SYS_fsync, fd); }

/* ---- The journal of a test ---- */

static char folder[64];
static atomic_int lines; /* that the journal logged */

static int make_folder(void **state) {
    (void)state;
    strcpy(folder, "/tmp/unit-crash-XXXXXX");
    atomic_store(&lines, 0);
    atomic_store(&disk_full, false);
    atomic_store(&sync_fails, false);
    atomic_store(&file_syncs, 0);
    atomic_store(&folder_syncs, 0);
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
    (void)line;
    atomic_fetch_add(&lines, 1);
}

static struct journal *try_open(size_t bytes, char error[200]) {
    const struct journal_config config = {.folder = folder, .bytes = bytes, .log = count_line};

    error[0] = '\0';
    return journal_open(&config, error, 200);
}

static struct journal *open_with(size_t bytes) {
    char error[200];
    struct journal *journal = try_open(bytes, error);

    if (!journal) {
        fail_msg("%s", error);
    }
    return journal;
}

static struct journal *open_journal(void) { return open_with(BYTES); }

/* 64 bytes in the journal: 1,024 of them fill a segment to its last byte. */
static enum hum_status push(struct journal *journal, int64_t n) {
    const struct record record = {
        .room = 1, .sender = n, .nonce = str_of("no"), .text = str_of("fourteen bytes")};

    return journal_push(journal, &record);
}

static void push_soon(struct journal *journal, int64_t n) {
    for (int waited = 0; push(journal, n) != HUM_OK; waited++) {
        assert_true(waited < LONG_MS);
        (void)poll(NULL, 0, 1);
    }
}

static void push_all(struct journal *journal, int64_t from, int64_t to) {
    for (int64_t n = from; n <= to; n++) {
        push_soon(journal, n);
    }
}

static void assert_next(struct journal *journal, int64_t n) {
    struct record record;

    assert_true(journal_read(journal, &record));
    assert_int_equal(record.sender, n);
    assert_true(str_equal(record.text, str_of("fourteen bytes")));
}

static void assert_end(struct journal *journal) {
    struct record record;

    assert_false(journal_read(journal, &record));
}

static void read_all(struct journal *journal, int64_t from, int64_t to) {
    for (int64_t n = from; n <= to; n++) {
        assert_next(journal, n);
    }
    assert_end(journal);
}

/* Waits until count is reached. */
static void await(atomic_int *value, int count) {
    for (int waited = 0; atomic_load(value) < count; waited++) {
        assert_true(waited < LONG_MS);
        (void)poll(NULL, 0, 1);
    }
}

/* What body does to the journal is all that is left: its process is gone without a word. */
static void in_a_process_that_is_killed(void (*body)(struct journal *journal)) {
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        char error[200];
        struct journal *journal = try_open(BYTES, error);

        if (journal) {
            body(journal);
        }
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void first_file(char path[400], char last[400]) {
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    char least[300] = "z", most[300] = "";

    while ((entry = readdir(dir))) {
        uint64_t start;

        if (segment_parse_name(entry->d_name, &start)) {
            if (strcmp(entry->d_name, least) < 0) {
                snprintf(least, sizeof least, "%s", entry->d_name);
            }
            if (strcmp(entry->d_name, most) > 0) {
                snprintf(most, sizeof most, "%s", entry->d_name);
            }
        }
    }
    closedir(dir);
    snprintf(path, 400, "%s/%s", folder, least);
    snprintf(last, 400, "%s/%s", folder, most);
}

/* ---- The end of a segment ---- */

static void fill_a_segment(struct journal *journal) { push_all(journal, 1, SEGMENT / 64); }

static void test_exactly_at_a_segments_end(void **state) {
    struct journal *journal = open_journal();
    const int64_t full = SEGMENT / 64;

    (void)state;
    push_all(journal, 1, full);
    assert_int_equal(journal_backlog(journal), SEGMENT);
    read_all(journal, 1, full);
    assert_int_equal(journal_position(journal), SEGMENT);
    journal_wait(journal, 1);
    journal_release(journal, SEGMENT);
    assert_int_equal(journal_backlog(journal), 0);
    push_soon(journal, full + 1);
    assert_next(journal, full + 1);
    journal_close(journal);

    journal = open_journal();
    read_all(journal, full + 1, full + 1);
    journal_close(journal);
}

static void test_killed_at_a_segments_end(void **state) {
    (void)state;
    in_a_process_that_is_killed(fill_a_segment);
    struct journal *journal = open_journal();
    push_soon(journal, 7777);
    for (int64_t n = 1; n <= SEGMENT / 64; n++) {
        assert_next(journal, n);
    }
    assert_next(journal, 7777);
    assert_end(journal);
    journal_release(journal, journal_position(journal));
    assert_int_equal(journal_backlog(journal), 0);
    journal_close(journal);
}

/* ---- Killed ---- */

/* Counters that outlive the process: all up to pushed was pushed, what was released is counted
 * before and after. */
struct progress {
    atomic_int pushed, releasing, released;
};

static struct progress *progress;

static void push_and_read(struct journal *journal) {
    struct record record;
    int read = atomic_load(&progress->released);

    for (int n = atomic_load(&progress->pushed) + 1;; n++) {
        while (push(journal, n) != HUM_OK) {
            (void)poll(NULL, 0, 1);
        }
        atomic_store(&progress->pushed, n);
        if (n % 3 == 0 || journal_backlog(journal) > BYTES / 2) {
            while (journal_read(journal, &record)) {
                read = (int)record.sender;
            }
            if (n % 9 == 0 || journal_backlog(journal) > BYTES / 2) {
                atomic_store(&progress->releasing, read);
                journal_release(journal, journal_position(journal));
                atomic_store(&progress->released, read);
            }
        }
    }
}

/* What was pushed comes again, once and in order; of what was being released, perhaps. Killed while
 * it wrote the mark, more of what was released comes: all that is still there. */
static void check_after_kill(void) {
    struct journal *journal = open_journal();
    struct record record;
    int pushed = atomic_load(&progress->pushed), last = 0;
    int released = atomic_load(&progress->released), releasing = atomic_load(&progress->releasing);

    while (journal_read(journal, &record)) {
        int n = (int)record.sender;

        assert_true(n > last);
        assert_true(n <= released + 1 || n == last + 1 || (last <= released && n == releasing + 1));
        last = n;
    }
    last = last > released ? last : released;
    /* One more may have been pushed than was counted; all may have been released. */
    assert_true(last == pushed || last == pushed + 1 ||
                atomic_load(&progress->releasing) == pushed);
    atomic_store(&progress->pushed, last > pushed ? last : pushed);
    journal_release(journal, journal_position(journal));
    atomic_store(&progress->released, atomic_load(&progress->pushed));
    atomic_store(&progress->releasing, atomic_load(&progress->pushed));
    journal_close(journal);
}

static void test_killed_at_any_instant(void **state) {
    (void)state;
    progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(progress != MAP_FAILED);
    for (int round = 0; round < 25; round++) {
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            char error[200];
            struct journal *journal = try_open(BYTES, error);

            if (journal) {
                push_and_read(journal);
            }
            _exit(1);
        }
        (void)poll(NULL, 0, (int)dice(40));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        check_after_kill();
    }
    assert_true(atomic_load(&progress->pushed) > 100);
    munmap(progress, sizeof *progress);
}

static void push_three(struct journal *journal) { push_all(journal, 1, 3); }

/* Killed between making a file and giving it its size: the next start wants the same name. */
static void test_a_file_that_was_being_made(void **state) {
    char first[400], last[400], made[400];

    (void)state;
    in_a_process_that_is_killed(push_three);
    first_file(first, last);
    snprintf(made, sizeof made, "%s/%016x.seg", folder, SEGMENT);
    (void)unlink(made);
    int fd = open(made, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    for (int more = 2; more < 9; more++) {
        snprintf(made, sizeof made, "%s/%016x.seg", folder, more * SEGMENT);
        (void)unlink(made);
    }

    struct journal *journal = open_journal();
    read_all(journal, 1, 3);
    journal_release(journal, journal_position(journal));
    push_all(journal, 4, 6);
    assert_int_equal(stat(first, &(struct stat){0}), -1); /* is done with */
    first_file(first, last);
    struct stat info;
    assert_int_equal(stat(first, &info), 0);
    assert_int_equal(info.st_size, SEGMENT);
    journal_close(journal);
    journal = open_journal();
    read_all(journal, 4, 6);
    journal_close(journal);
}

/* While PostgreSQL is away a broker that is killed again and again leaves nothing but its messages.
 */
static void test_starts_leave_nothing_behind(void **state) {
    (void)state;
    in_a_process_that_is_killed(push_three);
    for (int i = 0; i < 30; i++) {
        struct journal *journal = open_journal();

        read_all(journal, 1, 3);
        journal_close(journal);
    }
    struct journal *journal = open_journal();
    push_soon(journal, 4);
    read_all(journal, 1, 4);
    journal_close(journal);
}

static void test_sizes_that_change(void **state) {
    static const size_t sizes[] = {BYTES, 3 << 20, 700000, 64 << 20, BYTES + 1, 1 << 20};
    int64_t pushed = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct journal *journal = open_with(sizes[i]);
        struct record record;

        push_all(journal, pushed + 1, pushed + 900);
        pushed += 900;
        for (int64_t n = 1; n <= pushed; n++) {
            assert_next(journal, n);
            assert_int_equal(journal_position(journal) % 8, 0);
        }
        assert_false(journal_read(journal, &record));
        journal_close(journal);
    }
    assert_int_equal(atomic_load(&lines), 0);
}

/* ---- The mark ---- */

static void write_mark(uint64_t position) {
    struct {
        uint64_t position;
        uint32_t crc;
    } mark = {position, crc32c(0, &position, sizeof position)};
    char path[400];

    snprintf(path, sizeof path, "%s/mark", folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, &mark, sizeof mark), sizeof mark);
    close(fd);
}

/* The files are lost, the mark is not: positions go on behind it. */
static void test_a_mark_ahead_of_the_files(void **state) {
    const uint64_t ahead = 77 * SEGMENT + 8;

    (void)state;
    in_a_process_that_is_killed(push_three);
    write_mark(ahead);
    struct journal *journal = open_journal();
    assert_int_equal(journal_backlog(journal), 0);
    push_all(journal, 4, 5);
    assert_next(journal, 4);
    assert_true(journal_position(journal) > ahead);
    assert_next(journal, 5);
    journal_close(journal);
    journal = open_journal();
    read_all(journal, 4, 5);
    journal_close(journal);
}

/* ---- Damage while it runs ---- */

static void turn_a_bit(const char *path, off_t at) {
    int fd = open(path, O_RDWR);
    unsigned char byte;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void test_the_last_record_turned(void **state) {
    char path[400], last[400];
    struct journal *journal = open_journal();

    (void)state;
    push_all(journal, 1, 3);
    first_file(path, last);
    turn_a_bit(path, 2 * 64 + 50);
    assert_next(journal, 1);
    assert_next(journal, 2);
    assert_end(journal);
    assert_int_equal(atomic_load(&lines), 1);
    journal_release(journal, journal_position(journal));
    assert_int_equal(journal_backlog(journal), 0);
    journal_wait(journal, 1);
    push_all(journal, 4, 6);
    read_all(journal, 4, 6);
    journal_close(journal);
    journal = open_journal();
    read_all(journal, 4, 6);
    journal_close(journal);
}

/* ---- A disk that is full, or fails ---- */

static void test_no_room_at_the_start(void **state) {
    char error[200];

    (void)state;
    atomic_store(&disk_full, true);
    assert_null(try_open(BYTES, error));
    assert_non_null(strstr(error, "No space left"));
    atomic_store(&disk_full, false);
    struct journal *journal = open_journal();
    push_soon(journal, 1);
    read_all(journal, 1, 1);
    journal_close(journal);
}

static void test_no_room_later(void **state) {
    struct journal *journal = open_journal();
    int64_t pushed = 0;

    (void)state;
    atomic_store(&disk_full, true);
    while (push(journal, pushed + 1) == HUM_OK) {
        pushed++;
    }
    assert_true(pushed >= SEGMENT / 64);
    await(&lines, 1);
    (void)poll(NULL, 0, 250);
    assert_int_equal(atomic_load(&lines), 1); /* told once */
    assert_int_equal(push(journal, pushed + 1), HUM_UNAVAILABLE);
    assert_false(journal_broken(journal));
    atomic_store(&disk_full, false);
    push_soon(journal, ++pushed);
    read_all(journal, 1, pushed);
    journal_close(journal);
    journal = open_journal();
    read_all(journal, 1, pushed);
    journal_close(journal);
}

/* As long as commits go on there is nothing to sync; once they stop, soon. */
static void test_synced_when_the_database_is_away(void **state) {
    struct journal *journal = open_journal();

    (void)state;
    push_soon(journal, 1);
    assert_next(journal, 1);
    journal_release(journal, journal_position(journal));
    int before = atomic_load(&file_syncs);
    (void)poll(NULL, 0, 300);
    assert_int_equal(atomic_load(&file_syncs), before);
    push_soon(journal, 2);
    await(&file_syncs, before + 1);
    assert_true(atomic_load(&folder_syncs) >= 1); /* the files' names, too */
    (void)poll(NULL, 0, 300);
    assert_int_equal(atomic_load(&file_syncs), before + 1); /* nothing new came */
    push_soon(journal, 3);
    await(&file_syncs, before + 2);
    journal_close(journal);
}

static void test_a_sync_that_fails(void **state) {
    struct journal *journal = open_journal();

    (void)state;
    push_all(journal, 1, 3);
    atomic_store(&sync_fails, true);
    await(&lines, 1);
    assert_true(journal_broken(journal));
    assert_int_equal(push(journal, 4), HUM_UNAVAILABLE);
    atomic_store(&sync_fails, false);
    int tried = atomic_load(&file_syncs) + atomic_load(&folder_syncs);
    (void)poll(NULL, 0, 300);
    /* A second success would say nothing. */
    assert_int_equal(atomic_load(&file_syncs) + atomic_load(&folder_syncs), tried);
    assert_int_equal(push(journal, 4), HUM_UNAVAILABLE);
    read_all(journal, 1, 3); /* what was taken goes on its way */
    journal_release(journal, journal_position(journal));
    assert_true(journal_broken(journal));
    journal_close(journal);

    journal = open_journal();
    assert_false(journal_broken(journal));
    push_soon(journal, 4);
    read_all(journal, 4, 4);
    journal_close(journal);
}

/* ---- A folder of somebody else's ---- */

enum { NOBODY = 65534 };

/* Runs body as a user for whom permissions count. */
static void as_nobody(int (*body)(void)) {
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) != 0) {
            _exit(99);
        }
        _exit(body());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int cannot_open(void) {
    char error[200];
    const struct journal *journal = try_open(BYTES, error);

    return journal || !strstr(error, "Permission denied");
}

static void test_a_folder_that_cannot_be_written(void **state) {
    (void)state;
    assert_int_equal(chmod(folder, 0555), 0);
    as_nobody(cannot_open);
    assert_int_equal(chmod(folder, 0), 0);
    as_nobody(cannot_open);
    assert_int_equal(chmod(folder, 0700), 0);
}

/* No more files may be made: it goes on with those that it has, then refuses, and loses nothing. */
static int folder_is_closed_later(void) {
    char own[100], error[200];
    struct record record;
    int64_t pushed = 0, read = 0;

    snprintf(own, sizeof own, "%s/own", folder);
    const struct journal_config config = {.folder = own, .bytes = BYTES, .log = count_line};
    struct journal *journal = journal_open(&config, error, sizeof error);
    if (!journal || chmod(own, 0500) != 0) {
        return 1;
    }
    while (push(journal, pushed + 1) == HUM_OK) {
        pushed++;
    }
    while (journal_read(journal, &record)) {
        read += record.sender == read + 1;
    }
    journal_release(journal, journal_position(journal));
    (void)poll(NULL, 0, 250); /* recycling fails, too */
    if (pushed < SEGMENT / 64 || read != pushed || push(journal, pushed + 1) == HUM_OK ||
        chmod(own, 0700) != 0) {
        return 2;
    }
    for (int waited = 0; push(journal, pushed + 1) != HUM_OK; waited++) {
        if (waited > LONG_MS) {
            return 3;
        }
        (void)poll(NULL, 0, 1);
    }
    bool found = journal_read(journal, &record) && record.sender == pushed + 1;
    journal_close(journal);
    return found ? 0 : 4;
}

static void test_a_folder_that_is_closed_later(void **state) {
    (void)state;
    assert_int_equal(chmod(folder, 0777), 0);
    as_nobody(folder_is_closed_later);
    assert_int_equal(chmod(folder, 0700), 0);
}

/* The lock is let go with its process. */
static void test_the_lock_of_one_who_is_killed(void **state) {
    struct journal *journal;
    char error[200];
    int ready[2];

    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        journal = try_open(BYTES, error);
        (void)!write(ready[1], "x", journal ? 1 : 0);
        for (;;) {
            pause();
        }
    }
    assert_int_equal(read(ready[0], error, 1), 1);
    assert_null(try_open(BYTES, error));
    assert_non_null(strstr(error, "another broker"));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    journal_close(open_journal());
    close(ready[0]);
    close(ready[1]);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(test_exactly_at_a_segments_end),
        IN_A_FOLDER(test_killed_at_a_segments_end),
        IN_A_FOLDER(test_killed_at_any_instant),
        IN_A_FOLDER(test_a_file_that_was_being_made),
        IN_A_FOLDER(test_starts_leave_nothing_behind),
        IN_A_FOLDER(test_sizes_that_change),
        IN_A_FOLDER(test_a_mark_ahead_of_the_files),
        IN_A_FOLDER(test_the_last_record_turned),
        IN_A_FOLDER(test_no_room_at_the_start),
        IN_A_FOLDER(test_no_room_later),
        IN_A_FOLDER(test_synced_when_the_database_is_away),
        IN_A_FOLDER(test_a_sync_that_fails),
        IN_A_FOLDER(test_a_folder_that_cannot_be_written),
        IN_A_FOLDER(test_a_folder_that_is_closed_later),
        IN_A_FOLDER(test_the_lock_of_one_who_is_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
