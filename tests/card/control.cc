#include "tests/card/control.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "pki/base/time.h"

namespace piv::vcard {

namespace {

constexpr std::int64_t kAnswerMs = 10000;
constexpr std::size_t kMaxLine = 4096;

bool address_of(const std::string& path, sockaddr_un& out) noexcept {
    out = sockaddr_un{};
    out.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof out.sun_path) {
        return false;
    }
    std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
    return true;
}

bool read_line(int fd, std::string& line) {
    const std::int64_t by = monotonic_ms() + kAnswerMs;
    char c = 0;
    line.clear();
    while (line.size() < kMaxLine && read_exactly(fd, &c, 1, by) == IoResult::Done) {
        if (c == '\n') {
            return true;
        }
        line.push_back(c);
    }
    return false;
}

Error failed(const std::string& what, const std::string& path) {
    return Error(ErrorCode::FileUnreadable, what + " " + path + ": " + std::strerror(errno));
}

}  // namespace

Result<ControlSocket> ControlSocket::listen(const std::string& path) {
    sockaddr_un address{};
    if (!address_of(path, address)) {
        return Error(ErrorCode::BadUsage, "the socket's path is too long: " + path);
    }
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    (void)::unlink(path.c_str());
    if (!fd.valid() ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd.get(), 4) != 0) {
        return failed("cannot listen on", path);
    }
    return ControlSocket(std::move(fd));
}

bool ControlSocket::accept(std::string& line, UniqueFd& reply_to) const {
    reply_to.reset(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return reply_to.valid() && read_line(reply_to.get(), line);
}

bool send_line(int fd, const std::string& line) {
    const std::string out = line + "\n";
    return write_exactly(fd, out.data(), out.size(), monotonic_ms() + kAnswerMs) == IoResult::Done;
}

Result<std::string> ask(const std::string& path, const std::string& line) {
    sockaddr_un address{};
    if (!address_of(path, address)) {
        return Error(ErrorCode::BadUsage, "the socket's path is too long: " + path);
    }
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    std::string answer;
    if (!fd.valid() ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return failed("cannot reach the card at", path);
    }
    if (!send_line(fd.get(), line) || !read_line(fd.get(), answer)) {
        return failed("no answer from the card at", path);
    }
    return answer;
}

}  // namespace piv::vcard
