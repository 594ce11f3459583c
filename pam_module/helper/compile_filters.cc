// compile_filters FILE, run by the build: compiles the system call filters of the helper's roles with
// libseccomp and writes them to FILE as C++ for sandbox.cc. A login then loads a ready program, and not the library that makes it.
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/filter.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>

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
    "timer_settime",
    "timer_settime64",
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

// What the decider never does, nor the roles it starts. A list of what is forbidden: plugins of the
// name service run in this process, and what they need is not known.
constexpr const char* kForbiddenCalls[] = {
    // other processes and the kernel
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "pidfd_getfd",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "kexec_load",
    "kexec_file_load",
    "iopl",
    "ioperm",
    "modify_ldt",
    "personality",
    "lookup_dcookie",
    "syslog",
    // mounts, roots, namespaces
    "mount",
    "umount",
    "umount2",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    "open_by_handle_at",
    "mknod",
    "mknodat",
    "swapon",
    "swapoff",
    "quotactl",
    "acct",
    // the machine
    "reboot",
    "settimeofday",
    "clock_settime",
    "clock_settime64",
    "clock_adjtime",
    "adjtimex",
    "stime",
    "sethostname",
    "setdomainname",
    "vhangup",
};

template <std::size_t N>
bool add_all(scmp_filter_ctx filter, std::uint32_t action, const char* const (&names)[N]) {
    for (const char* name : names) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number >= 0 && seccomp_rule_add(filter, action, number, 0) != 0) {
            return false;
        }
    }
    return true;
}

// Rules that look at an argument.
bool allow_narrowly(scmp_filter_ctx filter) {
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

// The compiled filter as an array named `name`.
bool print(std::FILE* out, const char* name, scmp_filter_ctx filter) {
#if SCMP_VER_MAJOR > 2 || (SCMP_VER_MAJOR == 2 && SCMP_VER_MINOR >= 5)
    if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0) {  // a binary tree
        return false;
    }
#endif
    std::FILE* file = std::tmpfile();
    bool good = file != nullptr && seccomp_export_bpf(filter, fileno(file)) == 0;
    if (good) {
        std::rewind(file);  // and where it reads from: the library wrote to the descriptor
        std::fprintf(out, "constexpr sock_filter %s[] = {\n", name);
        sock_filter one{};
        unsigned count = 0;
        while (std::fread(&one, sizeof one, 1, file) == 1) {
            std::fprintf(out, "    {0x%02x, %u, %u, 0x%08x},\n", one.code, one.jt, one.jf, one.k);
            ++count;
        }
        std::fprintf(out, "};\n");
        good = count > 0 && count <= BPF_MAXINSNS;
    }
    if (file != nullptr) {
        (void)std::fclose(file);
    }
    return good;
}

bool print_card_filter(std::FILE* out) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    const bool good = filter != nullptr && add_all(filter, SCMP_ACT_ALLOW, kCardCalls) &&
                      allow_narrowly(filter) && print(out, "kCardFilter", filter);
    seccomp_release(filter);
    return good;
}

bool print_decider_filter(std::FILE* out) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    const bool good = filter != nullptr &&
                      add_all(filter, SCMP_ACT_ERRNO(EPERM), kForbiddenCalls) &&
                      print(out, "kDeciderFilter", filter);
    seccomp_release(filter);
    return good;
}

}  // namespace

int main(int argc, char** argv) {
    std::FILE* out = argc == 2 ? std::fopen(argv[1], "w") : nullptr;
    const bool printed = out != nullptr && print_decider_filter(out) && print_card_filter(out);
    if (out == nullptr || std::fclose(out) != 0 || !printed) {
        std::fprintf(stderr, "compile_filters: the filters cannot be compiled and written\n");
        return 1;
    }
    return 0;
}
