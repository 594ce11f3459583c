// File descriptors with an owner, and whole reads and writes with a deadline. Glue-safe: no
// allocation, no exceptions, no C++ runtime.
#pragma once

#include <unistd.h>

#include <cstddef>

namespace piv {

class UniqueFd {
  public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    ~UniqueFd() { reset(); }
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = other.release();
        }
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept {
        const int fd = fd_;
        fd_ = -1;
        return fd;
    }
    void reset(int fd = -1) noexcept {
        if (fd_ >= 0) {
            (void)::close(fd_);
        }
        fd_ = fd;
    }

  private:
    int fd_ = -1;
};

enum class IoResult { Done, Closed, TimedOut, Failed };

/// Exactly `size` bytes from a socket or pipe by the CLOCK_MONOTONIC point `deadline_ms`.
/// Survives EINTR. Closed: end of file before the first or before the last byte.
IoResult read_exactly(int fd, void* data, std::size_t size, long long deadline_ms) noexcept;
/// All of it, with MSG_NOSIGNAL on sockets: a dead peer is a result, never SIGPIPE.
IoResult write_exactly(int fd, const void* data, std::size_t size, long long deadline_ms) noexcept;
/// Two pieces one after the other through a stream socket, in one system call where there is room: the
/// other side wakes up once. Neither is copied. Results as those of write_exactly().
IoResult send_both(int socket, const void* first, std::size_t first_size, const void* second,
                   std::size_t second_size, long long deadline_ms) noexcept;

}  // namespace piv
