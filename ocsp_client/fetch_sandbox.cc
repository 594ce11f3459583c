#include "ocsp_client/fetch_sandbox.h"

#ifdef PIV_HAVE_SECCOMP

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <initializer_list>

namespace piv {

namespace {

// By name: the library leaves out what an architecture does not have.
constexpr const char* kCalls[] = {
    // memory
    "brk",
    "mmap",
    "mmap2",
    "mprotect",
    "mremap",
    "munmap",
    "madvise",
    // files that are open already, or are looked at
    "close",
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
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
    "getdents64",
    "readlink",
    "readlinkat",
    "getcwd",
    "dup",
    "dup3",
    "fcntl",
    "fcntl64",
    // connections and waiting
    "connect",
    "bind",
    "send",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recv",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
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
    "ppoll_time64",
    "select",
    "_newselect",
    "pselect6",
    "pselect6_time64",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "eventfd2",
    // time and signals
    "nanosleep",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "gettimeofday",
    "time",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigreturn",
    "sigaltstack",
    "restart_syscall",
    "tgkill",
    "gettid",
    "getpid",
    "getuid",
    "getuid32",
    "geteuid",
    "geteuid32",
    "getgid",
    "getgid32",
    "getegid",
    "getegid32",
    // threads and what C libraries ask for
    "futex",
    "futex_time64",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "sched_yield",
    "sched_getaffinity",
    "membarrier",
    "getrandom",
    "uname",
    "sysinfo",
    "exit",
    "exit_group",
};

bool allow_all(scmp_filter_ctx filter) noexcept {
    for (const char* name : kCalls) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number >= 0 && seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) != 0) {
            return false;
        }
    }
    return true;
}

bool allow_if(scmp_filter_ctx filter, int call, const scmp_arg_cmp& argument) noexcept {
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &argument) == 0;
}

// Files are opened for reading: no O_WRONLY, O_RDWR, O_CREAT, O_TRUNC.
bool allow_reading(scmp_filter_ctx filter) noexcept {
    constexpr scmp_datum_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
    bool ok = allow_if(filter, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, kWriting, O_RDONLY));
#ifdef __NR_open
    ok = ok && allow_if(filter, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, kWriting, O_RDONLY));
#endif
    return ok;
}

bool allow_sockets(scmp_filter_ctx filter) noexcept {
    // AF_NETLINK: getaddrinfo asks which addresses this machine has. AF_UNIX: nscd, sssd, resolved.
    for (const scmp_datum_t family : {AF_UNIX, AF_INET, AF_INET6}) {
        if (!allow_if(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, family))) {
            return false;
        }
    }
    const scmp_arg_cmp route[] = {SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                                  SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE)};
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, route) == 0 &&
           allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD)) &&
           allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONBIO));
}

bool allow_threads(scmp_filter_ctx filter) noexcept {
    // A thread, never a process. clone3 has its flags in memory: ENOSYS makes the C library use
    // clone.
    return allow_if(filter, SCMP_SYS(clone),
                    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) &&
#ifdef __SNR_clone3
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
#endif
           allow_if(filter, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
}

}  // namespace

bool enter_fetch_sandbox() noexcept {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == nullptr) {
        return false;
    }
    const bool loaded = allow_all(filter) && allow_reading(filter) && allow_sockets(filter) &&
                        allow_threads(filter) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return loaded;
}

}  // namespace piv

#else

namespace piv {

bool enter_fetch_sandbox() noexcept {
    return true;
}

}  // namespace piv

#endif
