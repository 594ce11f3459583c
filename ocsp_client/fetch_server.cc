// The fetch role's process: libcurl without privileges, without a judgement; files for reading only.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <map>

#include "ocsp_client/curl_transport.h"
#include "ocsp_client/fetch_role.h"
#include "ocsp_client/fetch_sandbox.h"

namespace piv {

namespace {

constexpr int kReplyMs = 5000;

bool limit(int resource, rlim_t value) noexcept {
    const rlimit both{value, value};
    return setrlimit(static_cast<__rlimit_resource_t>(resource), &both) == 0;
}

// root becomes the system user piv-login, or nobody where that does not exist.
bool drop_privileges() noexcept {
    if (geteuid() == 0) {
        const passwd* user = getpwnam("piv-login");
        if (user == nullptr) {
            user = getpwnam("nobody");
        }
        const uid_t uid = user == nullptr ? 65534 : user->pw_uid;
        const gid_t gid = user == nullptr ? 65534 : user->pw_gid;
        if (uid == 0 || setgroups(0, nullptr) != 0 || setresgid(gid, gid, gid) != 0 ||
            setresuid(uid, uid, uid) != 0 || setuid(0) == 0) {
            return false;
        }
    }
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

// No core, no files to write, bounded memory and time.
bool confine(int fd) noexcept {
    (void)clearenv();
    (void)signal(SIGPIPE, SIG_IGN);
    for (int other = 4; other < 1024; ++other) {
        if (other != fd) {
            (void)close(other);
        }
    }
    return chdir("/") == 0 && drop_privileges() && limit(RLIMIT_CORE, 0) &&
           limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NOFILE, 128) && limit(RLIMIT_CPU, 60) &&
           enter_fetch_sandbox();
}

class Server {
  public:
    explicit Server(int fd) : fd_(fd), buffer_(kMaxFetchRequest) {}

    int run() {
        for (;;) {
            bool readable = false;
            if (transport_.idle()) {
                pollfd p{fd_, POLLIN, 0};
                readable = poll(&p, 1, -1) > 0;
            } else {
                auto done = transport_.wait_or_readable(Deadline::after_ms(60000), fd_, readable);
                if (done && !reply(std::move(done).value())) {
                    return 1;
                }
            }
            if (readable) {
                const FrameBuffer::State state = buffer_.fill(fd_);
                if (!take_requests() || state == FrameBuffer::State::Broken) {
                    return 1;
                }
                if (state == FrameBuffer::State::Closed) {
                    return 0;  // nobody waits for what is still under way
                }
            }
        }
    }

  private:
    bool take_requests() {
        for (;;) {
            Bytes payload;
            bool found = false;
            if (buffer_.next(payload, found) != FrameBuffer::State::Open) {
                return false;
            }
            if (!found) {
                return true;
            }
            auto request = decode_fetch_request(payload);
            if (!request) {
                return false;
            }
            auto id = transport_.start(std::move(request->http));
            if (id) {
                ids_[id.value()] = request->id;
            } else if (!send(FetchReply{request->id, std::move(id).error()})) {
                return false;
            }
        }
    }
    bool reply(Transport::Completion done) {
        const auto id = ids_.find(done.id);
        if (id == ids_.end()) {
            return false;
        }
        const std::uint32_t theirs = id->second;
        ids_.erase(id);
        return send(FetchReply{theirs, std::move(done.response)});
    }
    bool send(const FetchReply& reply) {
        const Bytes frame = encode_fetch_reply(reply);
        return !frame.empty() &&
               write_exactly(fd_, frame.data(), frame.size(),
                             Deadline::after_ms(kReplyMs).monotonic_ms()) == IoResult::Done;
    }

    int fd_;
    FrameBuffer buffer_;
    CurlTransport transport_;
    std::map<std::size_t, std::uint32_t> ids_;
};

}  // namespace

int serve_fetch_role(int fd) {
    if (!confine(fd)) {
        return 1;
    }
    Server server(fd);
    const int status = server.run();
    std::_Exit(status);  // a resolver that hangs does not keep the process alive
}

}  // namespace piv
