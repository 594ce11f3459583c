#include "pam_module/check/terminal.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "pki/base/fd.h"

namespace piv {

namespace {

// One line, byte by byte so that nothing beyond it is taken; straight into locked memory.
Result<SecretBuffer> read_line(int fd) {
    SecretBuffer secret;
    std::uint8_t* room = secret.reserve();
    if (room == nullptr) {
        return ErrorCode::OutOfMemory;
    }
    std::size_t size = 0;
    for (;;) {
        std::uint8_t octet = 0;
        const ssize_t n = read(fd, &octet, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 || (n == 0 && size == 0)) {
            return ErrorCode::ConversationFailed;
        }
        if (n == 0 || octet == '\n') {
            break;
        }
        if (size == SecretBuffer::kCapacity) {
            return ErrorCode::PinFormat;
        }
        room[size++] = octet;
    }
    if (size > 0 && room[size - 1] == '\r') {
        --size;
    }
    secret.set_size(size);
    return secret;
}

class EchoOff {
  public:
    explicit EchoOff(int fd) : fd_(fd) {
        changed_ = tcgetattr(fd_, &before_) == 0;
        if (changed_) {
            termios quiet = before_;
            quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
            changed_ = tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
        }
    }
    ~EchoOff() {
        if (changed_) {
            (void)tcsetattr(fd_, TCSAFLUSH, &before_);
        }
    }
    EchoOff(const EchoOff&) = delete;
    EchoOff& operator=(const EchoOff&) = delete;
    [[nodiscard]] bool off() const noexcept { return changed_; }

  private:
    int fd_;
    termios before_{};
    bool changed_ = false;
};

}  // namespace

bool Terminal::can_ask() const {
    return pin_from_stdin_ || (isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1);
}

void Terminal::info(const std::string& text) {
    std::fprintf(stderr, "%s\n", text.c_str());
}

Result<SecretBuffer> Terminal::ask(SecretSource /*source*/, const std::string& prompt) {
    if (pin_from_stdin_) {
        return read_line(STDIN_FILENO);
    }
    const EchoOff quiet(STDIN_FILENO);
    if (!quiet.off()) {
        return ErrorCode::ConversationFailed;
    }
    std::fprintf(stderr, "%s", prompt.c_str());
    Result<SecretBuffer> line = read_line(STDIN_FILENO);
    std::fprintf(stderr, "\n");
    if (line && line->empty()) {
        return ErrorCode::ConversationFailed;
    }
    return line;
}

}  // namespace piv
