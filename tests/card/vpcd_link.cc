#include "tests/card/vpcd_link.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "pki/base/time.h"

namespace piv::vcard {

namespace {

constexpr std::int64_t kFrameMs = 10000;  // a frame that has begun comes to its end

// vpcd sends length and content apart, and the second waits until the first is acknowledged: 40 ms
// with delayed acknowledgements. The kernel forgets this option, so it is set again each time.
void acknowledge_at_once(int fd) noexcept {
    const int on = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

}  // namespace

bool VpcdLink::connect() noexcept {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!fd.valid() ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return false;
    }
    const int on = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    acknowledge_at_once(fd.get());
    fd_ = std::move(fd);
    return true;
}

bool VpcdLink::receive(Bytes& frame) {
    std::uint8_t length[2];
    const std::int64_t by = monotonic_ms() + kFrameMs;
    if (read_exactly(fd_.get(), length, sizeof length, by) != IoResult::Done) {
        return false;
    }
    acknowledge_at_once(fd_.get());
    frame.resize(static_cast<std::size_t>(length[0]) << 8 | length[1]);
    const bool whole =
        frame.empty() || read_exactly(fd_.get(), frame.data(), frame.size(), by) == IoResult::Done;
    acknowledge_at_once(fd_.get());
    return whole;
}

bool VpcdLink::send(ByteView frame) {
    Bytes out{static_cast<std::uint8_t>(frame.size() >> 8 & 0xFF),
              static_cast<std::uint8_t>(frame.size() & 0xFF)};
    out.insert(out.end(), frame.begin(), frame.end());
    return frame.size() <= 0xFFFF && write_exactly(fd_.get(), out.data(), out.size(),
                                                   monotonic_ms() + kFrameMs) == IoResult::Done;
}

}  // namespace piv::vcard
