#include "pam_module/helper/sandbox.h"

#ifdef PIV_HAVE_SECCOMP

#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>

namespace piv {

namespace {

// By name: the library leaves out what an architecture does not have.
constexpr const char* kCardCalls[] = {
    // memory
    "brk",
    "mmap",
    "mmap2",
    "mprotect",
    "mremap",
    "munmap",
    "madvise",
    "mlock",
    "munlock",
    // files
    "open",
    "openat",
    "close",
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "lseek",
    "_llseek",
    "fstat",
    "fstat64",
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "statfs64",
    "fstatfs",
    "fstatfs64",
    "access",
    "faccessat",
    "faccessat2",
    "getdents",
    "getdents64",
    "readlink",
    "readlinkat",
    "getcwd",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "fcntl64",
    "flock",
    "ftruncate",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "chmod",
    "fchmod",
    "fchmodat",
    "umask",
    "utimensat",
    // local sockets and waiting
    "connect",
    "send",
    "sendto",
    "sendmsg",
    "recv",
    "recvfrom",
    "recvmsg",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
    "socketpair",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "select",
    "_newselect",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "eventfd2",
    "ppoll_time64",
    "pselect6_time64",
    // time and signals
    "nanosleep",
    "clock_nanosleep",
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "gettimeofday",
    "time",
    "times",
    "alarm",
    "setitimer",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigreturn",
    "sigaltstack",
    "rt_sigtimedwait",
    "restart_syscall",
    "tgkill",
    "gettid",
    "getpid",
    "getppid",
    "getuid",
    "getuid32",
    "geteuid",
    "geteuid32",
    "getgid",
    "getgid32",
    "getegid",
    "getegid32",
    "getresuid",
    "getresgid",
    "getgroups",
    "getpgrp",
    // threads and what C libraries ask for
    "futex",
    "futex_time64",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "sched_yield",
    "sched_getaffinity",
    "membarrier",
    "arch_prctl",
    "getrandom",
    "uname",
    "sysinfo",
    "getrlimit",
    "ugetrlimit",
    "getrusage",
    "exit",
    "exit_group",
};

bool allow_all(scmp_filter_ctx filter) noexcept {
    for (const char* name : kCardCalls) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number >= 0 && seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) != 0) {
            return false;
        }
    }
    return true;
}

// Rules that look at an argument.
bool allow_narrowly(scmp_filter_ctx filter) noexcept {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                            SCMP_A0(SCMP_CMP_EQ, AF_UNIX)) == 0 &&
           // A thread, never a process. clone3 has its flags in memory: ENOSYS makes the C library
           // use clone.
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) == 0 &&
#ifdef __SNR_clone3
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
#endif
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                            SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)) == 0 &&
           // prlimit64 to read a limit of this process.
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0),
                            SCMP_A2(SCMP_CMP_EQ, 0)) == 0;
}

}  // namespace

bool enter_card_sandbox() noexcept {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return false;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == nullptr) {
        return false;
    }
    const bool loaded = allow_all(filter) && allow_narrowly(filter) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return loaded;
}

}  // namespace piv

#else

namespace piv {

bool enter_card_sandbox() noexcept {
    return true;
}

}  // namespace piv

#endif
