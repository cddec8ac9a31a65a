#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct child {
    pid_t pid;
    int in, out; /* our ends of its pipes; -1: closed */
};

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_end(int *fd) {
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* Of ours only what its runtime reads; a secret that is not there cannot be found. */
static char **environment(char *list[static 5]) {
    static const char *const names[] = {
        "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS="};
    size_t count = 0;

    for (char **at = environ; *at; at++) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (count < 4 && strncmp(*at, names[i], strlen(names[i])) == 0) {
                list[count++] = *at;
            }
        }
    }
    list[count] = NULL;
    return list;
}

/* Its standard input and output, and nothing else that we have open: what other threads open
 * meanwhile is closed there as well. */
static int describe(posix_spawn_file_actions_t *actions, int in, int out) {
    int failed = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);

    failed = failed ? failed : posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    failed =
        failed ? failed
               : posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    return failed ? failed : posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
}

/* The signals that our threads block or ignore are its own again; those of a terminal pass it by.
 */
static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    int failed = posix_spawnattr_setsigmask(attributes, &none);
    failed = failed ? failed : posix_spawnattr_setsigdefault(attributes, &all);
    return failed ? failed
                  : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
                                                             POSIX_SPAWN_SETSIGDEF |
                                                             POSIX_SPAWN_SETPGROUP);
}

static int spawn(const char *const argv[], int in, int out, pid_t *ret_pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *env[5];

    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    posix_spawnattr_init(&attributes);
    int failed = describe(&actions, in, out);
    failed = failed ? failed : set_attributes(&attributes);
    if (!failed) {
        failed = posix_spawn(ret_pid, argv[0], &actions, &attributes,
                             (char *const *)(uintptr_t)argv, environment(env));
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* The end of a pipe that is ours must not make us wait. */
static bool start(const char *const argv[], struct child *ret) {
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    bool started = pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
                   fcntl(in[1], F_SETFL, O_NONBLOCK) == 0 &&
                   fcntl(out[0], F_SETFL, O_NONBLOCK) == 0 &&
                   spawn(argv, in[0], out[1], &ret->pid) == 0;

    close_end(&in[0]);
    close_end(&out[1]);
    if (!started) {
        close_end(&in[1]);
        close_end(&out[0]);
    }
    ret->in = in[1];
    ret->out = out[0];
    return started;
}

static bool is_over(ssize_t moved) { return moved < 0 && errno != EAGAIN && errno != EINTR; }

/* It may end without having read all: main ignores SIGPIPE. */
static void feed(struct child *child, struct str *input) {
    ssize_t put = write(child->in, input->data, input->len);

    if (put > 0) {
        input->data += put;
        input->len -= (size_t)put;
    }
    if (input->len == 0 || is_over(put)) {
        close_end(&child->in);
    }
}

static void fetch(struct child *child, struct buf *output) {
    char chunk[16 * 1024];
    ssize_t got = read(child->out, chunk, sizeof chunk);

    if (got > 0) {
        buf_add(output, chunk, (size_t)got);
    }
    if (got == 0 || is_over(got)) {
        close_end(&child->out);
    }
}

/* Until it has closed its output, or written more than it may. False: time is up. */
static bool converse(struct child *child, struct str input, int64_t until, struct buf *output) {
    while (child->out >= 0 && !output->failed) {
        struct pollfd fds[] = {{.fd = child->out, .events = POLLIN},
                               {.fd = child->in, .events = POLLOUT}};
        int64_t left = until - now_ms();

        if (left <= 0) {
            return false;
        }
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR) {
            return false;
        }
        if (fds[1].revents && child->in >= 0) {
            feed(child, &input);
        }
        if (fds[0].revents) {
            fetch(child, output);
        }
    }
    return true;
}

/* What has closed its output has nothing more to say, and what is late has no more time: either way
 * it is killed, and if it had come to its end by itself, its status tells. */
static enum child_end reap(struct child *child, bool in_time) {
    int status = 0;
    pid_t reaped;

    kill(child->pid,
         SIGKILL); /* before the pipes close: SIGPIPE would look like an end of its own */
    close_end(&child->in);
    close_end(&child->out);
    do {
        reaped = waitpid(child->pid, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    if (reaped < 0) {
        return CHILD_FAILED;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
        return CHILD_EXHAUSTED;
    }
    if (!in_time) {
        return CHILD_LATE;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? CHILD_FAILED : CHILD_ENDED;
}

enum child_end child_run(const char *const argv[], struct str input, int wait_ms,
                         struct buf *output) {
    int64_t until = now_ms() + wait_ms;
    struct child child;

    if (!start(argv, &child)) {
        return CHILD_FAILED;
    }
    bool in_time = converse(&child, input, until, output);
    return reap(&child, in_time);
}
