#include "pam_module/helper/watch_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "pam_module/helper/process.h"
#include "pki/base/fd.h"

namespace piv {

#ifdef PIV_HAVE_WATCH

namespace {

constexpr char kWatchProgram[] = PIV_LIBEXECDIR "/piv-login-watch";

Error failure(int error) {
    return {ErrorCode::HelperFailed,
            std::string(kWatchProgram) + " cannot be started: " + std::strerror(error)};
}

// A system call or one of the posix_spawn family: 0 or the errno.
int spawn(int socket, pid_t& pid) {
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    error = posix_spawn_file_actions_adddup2(&actions, socket, kHelperSocket);
    for (int fd = 0; error == 0 && fd <= 2; ++fd) {
        error = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    }
    if (error == 0) {
        char name[] = "piv-login-watch";
        char* argv[] = {name, nullptr};
        char* environment[] = {nullptr};
        error = posix_spawn(&pid, kWatchProgram, &actions, nullptr, argv, environment);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

Status exchange(int socket, ByteView packet, Deadline deadline) {
    if (send(socket, packet.data(), packet.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(packet.size())) {
        return failure(errno);
    }
    pollfd p{socket, POLLIN, 0};
    int ready = 0;
    do {
        ready = poll(&p, 1, deadline.left_ms());
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        return Error(ErrorCode::HelperFailed, "the watcher was not ready in time");
    }
    Bytes answer(kMaxWatchPacket);
    const ssize_t size = recv(socket, answer.data(), answer.size(), 0);
    if (size <= 0) {
        return Error(ErrorCode::HelperFailed, "the watcher ended before it was ready");
    }
    return decode_watch_answer(ByteView(answer.data(), static_cast<std::size_t>(size)));
}

}  // namespace

Status start_session_watch(const WatchRequest& request, Deadline deadline) {
    Result<Bytes> packet = encode_watch_request(request);
    if (!packet) {
        return std::move(packet).error();
    }
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return failure(errno);
    }
    const UniqueFd ours(ends[0]);
    // dup2 onto itself would keep the flag that closes it.
    UniqueFd theirs(fcntl(ends[1], F_DUPFD_CLOEXEC, 10));
    (void)close(ends[1]);
    pid_t pid = -1;
    if (const int error = theirs.valid() ? spawn(theirs.get(), pid) : errno; error != 0) {
        return failure(error);
    }
    theirs.reset();
    Status status = exchange(ours.get(), *packet, deadline);
    if (!status) {
        (void)kill(pid, SIGKILL);  // not waited for yet: the number is its own
        (void)waitpid(pid, nullptr, 0);
    }
    return status;
}

#else

Status start_session_watch(const WatchRequest&, Deadline) {
    return Error(ErrorCode::BadConfig,
                 "session.on_card_removal: this piv-login was built without libsystemd");
}

#endif

}  // namespace piv
