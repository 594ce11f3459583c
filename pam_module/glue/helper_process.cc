#include "pam_module/glue/helper_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

namespace piv {

namespace {

constexpr int kHelperFd = 3;
constexpr int kLeaveMs = 500;
constexpr int kKilledMs = 2000;

// Above anything that a host may have closed and a child needs.
int move_up(UniqueFd& fd) noexcept {
    fd.reset(fcntl(fd.get(), F_DUPFD_CLOEXEC, 10));
    return fd.valid() ? 0 : errno;
}

class SpawnPlan {
  public:
    SpawnPlan() noexcept {
        actions_error_ = posix_spawn_file_actions_init(&actions_);
        attributes_error_ = posix_spawnattr_init(&attributes_);
    }
    ~SpawnPlan() {
        if (actions_error_ == 0) {
            (void)posix_spawn_file_actions_destroy(&actions_);
        }
        if (attributes_error_ == 0) {
            (void)posix_spawnattr_destroy(&attributes_);
        }
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;

    int prepare(int socket) noexcept {
        int error = actions_error_ != 0 ? actions_error_ : attributes_error_;
        if (error == 0) {
            error = posix_spawn_file_actions_adddup2(&actions_, socket, kHelperFd);
        }
        for (int fd = 0; error == 0 && fd <= 2; ++fd) {
            error = posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0);
        }
        sigset_t every;
        sigset_t none;
        sigfillset(&every);
        sigemptyset(&none);
        if (error == 0) {
            error = posix_spawnattr_setsigdefault(&attributes_, &every);
        }
        if (error == 0) {
            error = posix_spawnattr_setsigmask(&attributes_, &none);
        }
        if (error == 0) {
            error = posix_spawnattr_setpgroup(&attributes_, 0);
        }
        if (error == 0) {
            error = posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF |
                                                               POSIX_SPAWN_SETSIGMASK |
                                                               POSIX_SPAWN_SETPGROUP);
        }
        return error;
    }

    int spawn(const char* path, pid_t& pid) noexcept {
        char name[] = "piv-login-helper";
        char* argv[] = {name, nullptr};
        char* environment[] = {nullptr};
        return posix_spawn(&pid, path, &actions_, &attributes_, argv, environment);
    }

  private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
    int actions_error_ = -1;
    int attributes_error_ = -1;
};

}  // namespace

int HelperProcess::start(const char* path) noexcept {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return errno;
    }
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    int error = move_up(ours);
    if (error == 0) {
        error = move_up(theirs);
    }
    SpawnPlan plan;
    if (error == 0) {
        error = plan.prepare(theirs.get());
    }
    if (error == 0) {
        error = plan.spawn(path, pid_);
    }
    if (error != 0) {
        pid_ = -1;
        return error;
    }
    // Kernels before 5.3 have no pidfd; kill_now() does without.
    pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    socket_ = static_cast<UniqueFd&&>(ours);
    return 0;
}

bool HelperProcess::collected(int wait_ms) noexcept {
    timespec begun{};
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (;;) {
        const pid_t got = waitpid(pid_, nullptr, WNOHANG);
        if (got == pid_ || (got < 0 && errno != EINTR)) {
            return true;  // ECHILD: the host ignores SIGCHLD or has reaped it; it is gone
        }
        timespec now{};
        clock_gettime(CLOCK_MONOTONIC, &now);
        const long long passed = static_cast<long long>(now.tv_sec - begun.tv_sec) * 1000 +
                                 (now.tv_nsec - begun.tv_nsec) / 1000000;
        if (passed >= wait_ms) {
            return false;
        }
        pollfd p{pidfd_.get(), POLLIN, 0};
        (void)poll(&p, pidfd_.valid() ? 1 : 0,
                   pidfd_.valid() ? static_cast<int>(wait_ms - passed) : 1);
    }
}

void HelperProcess::kill_now() noexcept {
    if (pidfd_.valid()) {
        (void)syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
        return;
    }
    // Only while it is our child and has not ended: never a number that somebody else has by now.
    siginfo_t state{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &state, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        state.si_pid == 0) {
        (void)kill(pid_, SIGKILL);
    }
}

void HelperProcess::stop() noexcept {
    socket_.reset();
    if (pid_ > 0 && !collected(kLeaveMs)) {
        kill_now();
        (void)collected(kKilledMs);
    }
    pid_ = -1;
    pidfd_.reset();
}

}  // namespace piv
