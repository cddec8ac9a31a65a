/* Processes run for one answer, and what the one that decodes pictures may do. The program starts
 * itself, with the part to play as its argument. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "avatar/child.h"
#include "avatar/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { PATIENCE_MS = 60000, OUTPUT_MAX = 64 * 1024 };

/* --- the parts --- */

static void say(const char *text) {
    if (write(STDOUT_FILENO, text, strlen(text)) < 0) {
        _exit(9);
    }
}

static int echo(void) {
    char bytes[4096];
    ssize_t got;

    while ((got = read(STDIN_FILENO, bytes, sizeof bytes)) > 0) {
        if (write(STDOUT_FILENO, bytes, (size_t)got) != got) {
            return 1;
        }
    }
    return 0;
}

static int hang(void) {
    while (pause() < 0) {
    }
    return 0;
}

static int stop(void) {
    raise(SIGSTOP);
    return 0;
}

static int linger(void) {
    say("done");
    close(STDOUT_FILENO);
    return hang();
}

static int fail_(void) { return 3; }

static int crash(void) {
    say("half an an");
    signal(SIGABRT, SIG_DFL);
    kill(getpid(), SIGABRT);
    return 0;
}

static int flood(void) {
    while (write(STDOUT_FILENO, "more and more and more and more", 32) > 0) {
    }
    return 0;
}

static int deaf(void) {
    say("no");
    return 0;
}

static int inherit(void) {
    sigset_t mask;
    struct sigaction action;

    for (int fd = 3; fd < 4096; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            say("a descriptor ");
        }
    }
    sigprocmask(SIG_BLOCK, NULL, &mask);
    if (sigismember(&mask, SIGTERM)) {
        say("a mask ");
    }
    sigaction(SIGPIPE, NULL, &action);
    if (action.sa_handler != SIG_DFL) {
        say("a handler ");
    }
    for (char **at = environ; *at; at++) {
        if (!strstr(*at, "SAN_OPTIONS=")) {
            say("a variable ");
        }
    }
    return 0;
}

static int spin(void) {
    if (!sandbox_enter()) {
        return 1;
    }
    for (volatile unsigned i = 0;; i++) {
    }
}

static int eat(void) {
    enum { PIECE = 1 << 20, PIECES = 1 << 14 };
    static char *kept[PIECES];
    size_t eaten = 0;
    char text[32];

    if (!sandbox_enter()) {
        return 1;
    }
    while (eaten < PIECES && (kept[eaten] = malloc(PIECE))) {
        memset(kept[eaten++], 1, PIECE);
    }
    snprintf(text, sizeof text, "%zu", eaten);
    say(text);
    return 0;
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        errno = 0;                                                                                 \
        if ((intptr_t)(call) != -1 || errno != EPERM) {                                            \
            say(#call "; ");                                                                       \
        }                                                                                          \
    } while (0)

static int break_out(void) {
    char *const argv[] = {(char *)(uintptr_t) "/bin/true", NULL};
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (code == MAP_FAILED || !sandbox_enter()) {
        return 1;
    }
    TRY(open("/etc/passwd", O_RDONLY));
    TRY(open("/dev/null", O_WRONLY));
    TRY(socket(AF_INET, SOCK_STREAM, 0));
    TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(fork());
    TRY(execve(argv[0], argv, NULL));
    TRY(kill(getppid(), 0));
    TRY(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
    TRY(unlink("/tmp/nothing"));
    TRY(dup(STDOUT_FILENO));
    TRY(mprotect(code, 4096, PROT_READ | PROT_EXEC));
    TRY(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    say("tried");
    return 0;
}

static const struct {
    const char *name;
    int (*play)(void);
} parts[] = {
    {"echo", echo},       {"hang", hang},   {"stop", stop},   {"linger", linger},
    {"fail", fail_},      {"crash", crash}, {"flood", flood}, {"deaf", deaf},
    {"inherit", inherit}, {"spin", spin},   {"eat", eat},     {"break out", break_out},
};

/* --- what comes of them --- */

struct run {
    enum child_end end;
    struct buf output;
    char text[OUTPUT_MAX];
};

static void run_with(struct run *run, const char *part, struct str input, int wait_ms) {
    const char *const argv[] = {"/proc/self/exe", part, NULL};

    buf_init(&run->output, OUTPUT_MAX - 1);
    run->end = child_run(argv, input, wait_ms, &run->output);
    if (run->output.len > 0) {
        memcpy(run->text, run->output.data, run->output.len);
    }
    run->text[run->output.len] = '\0';
    buf_free(&run->output);
}

static struct run *run_part(const char *part, int wait_ms) {
    static struct run run;

    run_with(&run, part, str_of("input"), wait_ms);
    return &run;
}

static void test_an_answer(void **state) {
    struct run *run = run_part("echo", PATIENCE_MS);

    (void)state;
    assert_int_equal(run->end, CHILD_ENDED);
    assert_string_equal(run->text, "input");
}

/* More than the pipes hold, both ways at once. */
static void test_a_long_answer(void **state) {
    enum { SIZE = 1 << 20 };
    const char *const argv[] = {"/proc/self/exe", "echo", NULL};
    char *input = malloc(SIZE);
    struct buf output;

    (void)state;
    for (size_t i = 0; i < SIZE; i++) {
        input[i] = (char)dice(256);
    }
    buf_init(&output, SIZE);
    assert_int_equal(child_run(argv, (struct str){input, SIZE}, PATIENCE_MS, &output), CHILD_ENDED);
    assert_true(!output.failed && output.len == SIZE);
    assert_memory_equal(output.data, input, SIZE);
    buf_free(&output);
    free(input);
}

static void test_one_that_hangs(void **state) {
    (void)state;
    assert_int_equal(run_part("hang", 200)->end, CHILD_LATE);
    assert_int_equal(run_part("stop", 200)->end, CHILD_LATE);
}

static void test_one_that_has_said_all_and_stays(void **state) {
    struct run *run = run_part("linger", PATIENCE_MS);

    (void)state;
    assert_int_equal(run->end, CHILD_ENDED);
    assert_string_equal(run->text, "done");
}

static void test_one_that_fails(void **state) {
    (void)state;
    assert_int_equal(run_part("fail", PATIENCE_MS)->end, CHILD_FAILED);
    assert_int_equal(run_part("crash", PATIENCE_MS)->end, CHILD_EXHAUSTED);
}

static void test_one_that_is_not_there(void **state) {
    const char *const argv[] = {"/nowhere/at/all", NULL};
    struct buf output;

    (void)state;
    buf_init(&output, 16);
    assert_int_equal(child_run(argv, str_of("x"), PATIENCE_MS, &output), CHILD_FAILED);
    assert_int_equal(output.len, 0);
    buf_free(&output);
}

static void test_one_that_writes_without_end(void **state) {
    const char *const argv[] = {"/proc/self/exe", "flood", NULL};
    struct buf output;

    (void)state;
    buf_init(&output, 1000);
    assert_int_equal(child_run(argv, str_of(""), PATIENCE_MS, &output), CHILD_ENDED);
    assert_true(output.failed);
    buf_free(&output);
}

static void test_one_that_does_not_listen(void **state) {
    static char input[1 << 20];
    static struct run run;

    (void)state;
    run_with(&run, "deaf", (struct str){input, sizeof input}, PATIENCE_MS);
    assert_int_equal(run.end, CHILD_ENDED);
    assert_string_equal(run.text, "no");
}

static void test_it_inherits_nothing(void **state) {
    int fds[] = {open("/dev/null", O_RDONLY), dup2(STDERR_FILENO, 999)};

    (void)state;
    assert_int_equal(setenv("HUM_SECRET", "x", 1), 0);
    struct run *run = run_part("inherit", PATIENCE_MS);
    assert_int_equal(run->end, CHILD_ENDED);
    assert_string_equal(run->text, "");
    close(fds[0]);
    close(fds[1]);
}

static void test_time_is_bounded(void **state) {
    (void)state;
    assert_int_equal(run_part("spin", PATIENCE_MS)->end, CHILD_EXHAUSTED);
}

static void test_memory_is_bounded(void **state) {
    (void)state;
    if (SANITIZED) {
        return;
    }
    struct run *run = run_part("eat", PATIENCE_MS);
    assert_int_equal(run->end, CHILD_ENDED);
    assert_in_range(atoi(run->text), SANDBOX_MEMORY_MIB / 4, SANDBOX_MEMORY_MIB);
}

static void test_there_is_no_way_out(void **state) {
    (void)state;
    if (SANITIZED) {
        return;
    }
    struct run *run = run_part("break out", PATIENCE_MS);
    assert_int_equal(run->end, CHILD_ENDED);
    assert_string_equal(run->text, "tried");
}

static void *run_some(void *arg) {
    const char *const argv[] = {"/proc/self/exe", "echo", NULL};
    struct buf output;

    for (int i = 0; i < 10; i++) {
        buf_init(&output, 64);
        if (child_run(argv, str_of("hello"), PATIENCE_MS, &output) != CHILD_ENDED ||
            !str_equal((struct str){output.data, output.len}, str_of("hello"))) {
            *(bool *)arg = false;
        }
        buf_free(&output);
    }
    return NULL;
}

static void test_many_at_a_time(void **state) {
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    bool good[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        good[i] = true;
        assert_int_equal(pthread_create(&threads[i], NULL, run_some, &good[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(good[i]);
    }
}

/* After all of the above. */
static void test_nothing_is_left(void **state) {
    int open_ = 0;

    (void)state;
    for (int fd = 3; fd < 1024; fd++) {
        open_ += fcntl(fd, F_GETFD) >= 0;
    }
    assert_int_equal(open_, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer),
        cmocka_unit_test(test_a_long_answer),
        cmocka_unit_test(test_one_that_hangs),
        cmocka_unit_test(test_one_that_has_said_all_and_stays),
        cmocka_unit_test(test_one_that_fails),
        cmocka_unit_test(test_one_that_is_not_there),
        cmocka_unit_test(test_one_that_writes_without_end),
        cmocka_unit_test(test_one_that_does_not_listen),
        cmocka_unit_test(test_it_inherits_nothing),
        cmocka_unit_test(test_time_is_bounded),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_there_is_no_way_out),
        cmocka_unit_test(test_many_at_a_time),
        cmocka_unit_test(test_nothing_is_left),
    };
    sigset_t blocked;

    for (size_t i = 0; argc == 2 && i < COUNT(parts); i++) {
        if (strcmp(argv[1], parts[i].name) == 0) {
            return parts[i].play();
        }
    }
    for (int fd = 3; fd < 1024; fd++) { /* whoever started the tests may have left some open */
        close(fd);
    }
    /* As main does. */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
