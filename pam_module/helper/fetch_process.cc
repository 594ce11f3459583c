#include "pam_module/helper/fetch_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>

#include "ocsp_client/fetch_role.h"

namespace piv {

namespace {

constexpr char kFetchProgram[] = PIV_BINDIR "/piv-ocsp";

class FetchProcess : public Transport {
  public:
    FetchProcess() = default;
    ~FetchProcess() override {
        client_.reset();  // hangs up: the role leaves
        if (pid_ > 0) {
            (void)kill(pid_, SIGKILL);  // it holds nothing that would have to be put back
            (void)waitpid(pid_, nullptr, 0);
        }
    }
    FetchProcess(const FetchProcess&) = delete;
    FetchProcess& operator=(const FetchProcess&) = delete;

    Result<std::size_t> start(HttpRequest request) override {
        if (!client_) {
            if (Status started = spawn(); !started) {
                return std::move(started).error();
            }
        }
        return client_->start(std::move(request));
    }
    Result<Completion> wait(Deadline deadline) override {
        if (!client_) {
            return Error(ErrorCode::OcspUnavailable, "nothing was asked");
        }
        return client_->wait(deadline);
    }
    [[nodiscard]] int poll_fd() const override { return client_ ? client_->poll_fd() : -1; }

  private:
    Status spawn();

    std::optional<FetchRoleTransport> client_;
    pid_t pid_ = -1;
};

Status failure(int error) {
    return Error(ErrorCode::OcspUnavailable,
                 std::string(kFetchProgram) + " cannot be started: " + std::strerror(error));
}

Status FetchProcess::spawn() {
    int ends[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return failure(errno);
    }
    UniqueFd ours(ends[0]);
    // dup2 onto itself would keep the flag that closes it.
    UniqueFd theirs(fcntl(ends[1], F_DUPFD_CLOEXEC, 10));
    (void)close(ends[1]);
    if (!theirs.valid()) {
        return failure(errno);
    }
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return failure(error);
    }
    error = posix_spawn_file_actions_adddup2(&actions, theirs.get(), kFetchRoleFd);
    for (int fd = 0; error == 0 && fd <= 2; ++fd) {
        error = posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    }
    if (error == 0) {
        char name[] = "piv-ocsp";
        char option[] = "--fetch-role";
        char* argv[] = {name, option, nullptr};
        char* environment[] = {nullptr};
        error = posix_spawn(&pid_, kFetchProgram, &actions, nullptr, argv, environment);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        pid_ = -1;
        return failure(error);
    }
    client_.emplace(std::move(ours));
    return {};
}

}  // namespace

std::unique_ptr<Transport> make_fetch_process() {
    return std::make_unique<FetchProcess>();
}

}  // namespace piv
