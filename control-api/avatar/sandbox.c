#include "sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the numbers of this machine's system calls are not known here"
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { NICE = 5 };

static bool limit(__rlimit_resource_t resource, rlim_t value) {
    struct rlimit rlimit = {value, value};

    return setrlimit(resource, &rlimit) == 0;
}

/* At the first of the two the process gets SIGXCPU, which says what it died of. */
static bool limit_time(void) {
    struct rlimit rlimit = {SANDBOX_CPU_S, SANDBOX_CPU_S + 1};

    return setrlimit(RLIMIT_CPU, &rlimit) == 0;
}

static bool set_limits(void) {
    if (!limit_time() || !limit(RLIMIT_CORE, 0)) {
        return false;
    }
    return SANITIZED ||
           (limit(RLIMIT_AS, (rlim_t)SANDBOX_MEMORY_MIB << 20) && limit(RLIMIT_NOFILE, 0) &&
            limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NPROC, 0));
}

#define LOAD(member)                                                                               \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, member))
#define ANSWER(answer) BPF_STMT(BPF_RET | BPF_K, (answer))
/* One instruction goes on, the other is passed over. */
#define UNLESS(operation, value) BPF_JUMP(BPF_JMP | (operation) | BPF_K, (value), 0, 1)
#define ALLOW(number) UNLESS(BPF_JEQ, (number)), ANSWER(SECCOMP_RET_ALLOW)
#define REFUSE ANSWER(SECCOMP_RET_ERRNO | EPERM)

/* Memory that is code is refused as well: the low word of mmap's third argument. Both machines keep
 * their least byte first. */
static const struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
    ANSWER(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    ALLOW(__NR_read),
    ALLOW(__NR_write),
    ALLOW(__NR_brk),
    ALLOW(__NR_munmap),
    ALLOW(__NR_mremap),
    ALLOW(__NR_madvise),
    ALLOW(__NR_futex),
    ALLOW(__NR_sysinfo), /* qsort asks how much memory there is */
    ALLOW(__NR_getrandom),
    ALLOW(__NR_clock_gettime),
    ALLOW(__NR_rt_sigreturn),
    ALLOW(__NR_exit),
    ALLOW(__NR_exit_group),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 1, 0),
    REFUSE,
    LOAD(args[2]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
    REFUSE,
    ANSWER(SECCOMP_RET_ALLOW),
};

static bool filter_calls(void) {
    struct sock_fprog program = {
        .len = sizeof filter / sizeof filter[0],
        .filter = (struct sock_filter *)(uintptr_t)filter,
    };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool sandbox_enter(void) {
    setpriority(PRIO_PROCESS, 0, NICE); /* what people say to each other goes first */
    /* Whoever started it may be killed: then there is nobody to hear of the picture. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || !set_limits()) {
        return false;
    }
    return SANITIZED || filter_calls();
}
