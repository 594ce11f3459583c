#include "pki/base/fd.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <ctime>

#include <cerrno>
#include <climits>
#include <cstdint>

namespace piv {

namespace {

long long left_until(long long deadline_ms) noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return deadline_ms - (static_cast<long long>(now.tv_sec) * 1000 + now.tv_nsec / 1000000);
}

// Waits until `fd` is ready for `events`. Done, TimedOut or Failed.
IoResult wait_ready(int fd, short events, long long deadline_ms) noexcept {
    for (;;) {
        const long long left = left_until(deadline_ms);
        if (left <= 0) {
            return IoResult::TimedOut;
        }
        pollfd p{fd, events, 0};
        const int n = poll(&p, 1, left > INT_MAX ? INT_MAX : static_cast<int>(left));
        if (n > 0) {
            return IoResult::Done;  // errors and hang-ups show in the read or write that follows
        }
        if (n < 0 && errno != EINTR) {
            return IoResult::Failed;
        }
    }
}

bool again(int error) noexcept {
    return error == EINTR || error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

IoResult read_exactly(int fd, void* data, std::size_t size, long long deadline_ms) noexcept {
    auto* out = static_cast<std::uint8_t*>(data);
    while (size > 0) {
        const IoResult ready = wait_ready(fd, POLLIN, deadline_ms);
        if (ready != IoResult::Done) {
            return ready;
        }
        const ssize_t n = read(fd, out, size);
        if (n == 0) {
            return IoResult::Closed;
        }
        if (n < 0) {
            if (again(errno)) {
                continue;
            }
            return errno == ECONNRESET ? IoResult::Closed : IoResult::Failed;
        }
        out += n;
        size -= static_cast<std::size_t>(n);
    }
    return IoResult::Done;
}

IoResult send_both(int socket, const void* first, std::size_t first_size, const void* second,
                   std::size_t second_size, long long deadline_ms) noexcept {
    if (left_until(deadline_ms) <= 0) {
        return IoResult::TimedOut;
    }
    // sendmsg() does not write to what is sent.
    iovec parts[2] = {{const_cast<void*>(first), first_size},
                      {const_cast<void*>(second), second_size}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !again(errno)) {
        return errno == EPIPE || errno == ECONNRESET ? IoResult::Closed : IoResult::Failed;
    }
    // What did not fit goes as there is room.
    const std::size_t sent = n < 0 ? 0 : static_cast<std::size_t>(n);
    if (sent < first_size) {
        const IoResult result = write_exactly(
            socket, static_cast<const std::uint8_t*>(first) + sent, first_size - sent, deadline_ms);
        return result != IoResult::Done ? result
                                        : write_exactly(socket, second, second_size, deadline_ms);
    }
    const std::size_t done = sent - first_size;
    return write_exactly(socket, static_cast<const std::uint8_t*>(second) + done,
                         second_size - done, deadline_ms);
}

IoResult write_exactly(int fd, const void* data, std::size_t size, long long deadline_ms) noexcept {
    const auto* in = static_cast<const std::uint8_t*>(data);
    while (size > 0) {
        const IoResult ready = wait_ready(fd, POLLOUT, deadline_ms);
        if (ready != IoResult::Done) {
            return ready;
        }
        ssize_t n = send(fd, in, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == ENOTSOCK) {
            n = write(fd, in, size);
        }
        if (n < 0) {
            if (again(errno)) {
                continue;
            }
            return errno == EPIPE || errno == ECONNRESET ? IoResult::Closed : IoResult::Failed;
        }
        in += n;
        size -= static_cast<std::size_t>(n);
    }
    return IoResult::Done;
}

}  // namespace piv
