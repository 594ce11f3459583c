// By the program loginctl, for libsystemd before 221 (Amazon Linux 2 has 219), whose sd-bus is not
// public. A fixed path, an empty environment, nothing asked of anybody.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "pam_module/watch/logind_call.h"
#include "pki/base/fd.h"
#include "pki/base/text.h"
#include "pki/base/time.h"

namespace piv {

namespace {

constexpr int kCallMs = 25000;  // as long as a call by sd-bus may take
constexpr std::size_t kMaxWords = 512;

Error not_asked(const std::string& why) {
    return {ErrorCode::BadConfig, "loginctl: " + why};
}

// 0 or the errno.
int spawn(const char* path, const char* command, const std::string& session_id, int words,
          pid_t& pid) {
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0) {
        error = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, words, 2);
    }
    if (error == 0) {
        // posix_spawn() takes them as char*, and does not write to them.
        std::string arguments[] = {"loginctl", "--no-ask-password", command, "--", session_id};
        char* argv[6] = {};
        for (std::size_t i = 0; i < 5; ++i) {
            argv[i] = arguments[i].data();
        }
        char* environment[] = {nullptr};
        error = posix_spawn(&pid, path, &actions, nullptr, argv, environment);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

// What it says, until it closes its end or the time is over.
std::string listen_to(int words, Deadline deadline) {
    std::string said;
    for (;;) {
        pollfd p{words, POLLIN, 0};
        const int ready = poll(&p, 1, deadline.left_ms());
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        char buffer[256];
        const ssize_t got = ready > 0 ? read(words, buffer, sizeof buffer) : 0;
        if (got <= 0) {
            return said;
        }
        said.append(buffer, std::min(static_cast<std::size_t>(got), kMaxWords - said.size()));
    }
}

// Its status when it has ended; killed when the time is over first.
int wait_for(pid_t pid, Deadline deadline) {
    int status = -1;
    bool killed = false;
    for (;;) {
        const pid_t got = waitpid(pid, &status, killed ? 0 : WNOHANG);
        if (got == pid || (got < 0 && errno != EINTR)) {
            return got == pid && !killed ? status : -1;
        }
        if (got == 0 && deadline.over()) {
            (void)kill(pid, SIGKILL);  // not waited for yet: the number is its own
            killed = true;
        } else if (got == 0) {
            const timespec pause{0, 5'000'000};
            (void)nanosleep(&pause, nullptr);
        }
    }
}

}  // namespace

Status call_logind(LogindCall what, const std::string& session_id) {
    const char* command = what == LogindCall::Lock ? "lock-session" : "terminate-session";
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return not_asked(std::strerror(errno));
    }
    const UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    pid_t pid = -1;
    int error = ENOENT;
    for (const char* path : {"/usr/bin/loginctl", "/bin/loginctl"}) {
        error = error == ENOENT ? spawn(path, command, session_id, theirs.get(), pid) : error;
    }
    if (error != 0) {
        return not_asked(std::strerror(error));
    }
    theirs.reset();
    const Deadline deadline = Deadline::after_ms(kCallMs);
    const std::string said = listen_to(ours.get(), deadline);
    const int status = wait_for(pid, deadline);
    if (status == -1) {
        return not_asked("no answer in time");
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return not_asked(std::string(command) + " failed: " + escape_for_display(said, kMaxWords));
    }
    return {};
}

}  // namespace piv
