#include "pam_module/check/fetch_child.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>

#include "ocsp_client/fetch_role.h"
#include "pam_module/helper/process.h"

namespace piv {

namespace {

class FetchChild : public Transport {
  public:
    FetchChild() = default;
    ~FetchChild() override {
        client_.reset();
        if (pid_ > 0) {
            (void)kill(pid_, SIGKILL);
            (void)waitpid(pid_, nullptr, 0);
        }
    }
    FetchChild(const FetchChild&) = delete;
    FetchChild& operator=(const FetchChild&) = delete;

    Result<std::size_t> start(HttpRequest request) override {
        if (!client_) {
            if (Status started = begin(); !started) {
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
    Status begin() {
        int ends[2] = {-1, -1};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
            return Error(ErrorCode::OcspUnavailable, "no socket pair for the fetch role");
        }
        UniqueFd ours(ends[0]);
        UniqueFd theirs(ends[1]);
        pid_ = fork();
        if (pid_ < 0) {
            return Error(ErrorCode::OcspUnavailable, "no process for the fetch role");
        }
        if (pid_ == 0) {
            serve(theirs.get());
        }
        client_.emplace(std::move(ours));
        return {};
    }
    [[noreturn]] static void serve(int socket) {
        const int null = open("/dev/null", O_RDWR);
        bool good = null >= 0;
        for (int fd = 0; fd <= 2; ++fd) {
            good = good && dup2(null, fd) == fd;
        }
        good = good && (socket == kFetchRoleFd || dup2(socket, kFetchRoleFd) == kFetchRoleFd);
        close_descriptors_from(kFetchRoleFd + 1, -1);
        (void)clearenv();
        _exit(good ? serve_fetch_role(kFetchRoleFd) : 1);
    }

    std::optional<FetchRoleTransport> client_;
    pid_t pid_ = -1;
};

}  // namespace

std::unique_ptr<Transport> make_fetch_child() {
    return std::make_unique<FetchChild>();
}

}  // namespace piv
