#include "pam_module/protocol/channel.h"

#include "pki/base/fd.h"

namespace piv {

namespace {

constexpr std::size_t kHeaderSize = 8;
constexpr std::uint8_t kMagic0 = 'P';
constexpr std::uint8_t kMagic1 = 'L';
constexpr std::uint8_t kProtocolVersion = 1;

ChannelResult from_io(IoResult result) noexcept {
    switch (result) {
        case IoResult::Done:
            return ChannelResult::Done;
        case IoResult::Closed:
            return ChannelResult::Closed;
        case IoResult::TimedOut:
            return ChannelResult::TimedOut;
        case IoResult::Failed:
            break;
    }
    return ChannelResult::Failed;
}

constexpr Side other(Side side) noexcept {
    return side == Side::Client ? Side::Server : Side::Client;
}

}  // namespace

ChannelResult Channel::broken(ChannelResult why) noexcept {
    usable_ = false;
    return why;
}

ChannelResult Channel::send(Message message, ByteView payload, long long deadline_ms) noexcept {
    const MessageRule* rule = find_rule(message, side_, state_);
    if (!usable_ || payload_due_ || rule == nullptr || payload.size() > rule->max_payload) {
        return broken(ChannelResult::Refused);
    }
    const std::size_t size = payload.size();
    const std::uint8_t header[kHeaderSize] = {
        kMagic0,
        kMagic1,
        kProtocolVersion,
        static_cast<std::uint8_t>(message),
        static_cast<std::uint8_t>(size >> 24U),
        static_cast<std::uint8_t>(size >> 16U),
        static_cast<std::uint8_t>(size >> 8U),
        static_cast<std::uint8_t>(size),
    };
    // In two pieces, so that a secret is never copied beside the header.
    const IoResult io = send_both(fd_, header, sizeof header, payload.data(), size, deadline_ms);
    if (io != IoResult::Done) {
        return broken(from_io(io));
    }
    state_ = rule->to;
    return ChannelResult::Done;
}

ChannelResult Channel::receive_header(Message& message, std::size_t& size,
                                      long long deadline_ms) noexcept {
    if (!usable_ || payload_due_) {
        return broken(ChannelResult::Refused);
    }
    std::uint8_t header[kHeaderSize] = {};
    const IoResult io = read_exactly(fd_, header, sizeof header, deadline_ms);
    if (io != IoResult::Done) {
        return broken(from_io(io));
    }
    if (header[0] != kMagic0 || header[1] != kMagic1 || header[2] != kProtocolVersion) {
        return broken(ChannelResult::Refused);
    }
    message = static_cast<Message>(header[3]);
    size = (static_cast<std::size_t>(header[4]) << 24U) |
           (static_cast<std::size_t>(header[5]) << 16U) |
           (static_cast<std::size_t>(header[6]) << 8U) | header[7];
    const MessageRule* rule = find_rule(message, other(side_), state_);
    if (rule == nullptr || size > rule->max_payload) {
        return broken(ChannelResult::Refused);
    }
    next_ = rule->to;
    payload_size_ = size;
    payload_due_ = true;
    return ChannelResult::Done;
}

ChannelResult Channel::receive_payload(std::uint8_t* data, std::size_t capacity,
                                       long long deadline_ms) noexcept {
    if (!usable_ || !payload_due_ || payload_size_ > capacity) {
        return broken(ChannelResult::Refused);
    }
    if (payload_size_ > 0) {
        const IoResult io = read_exactly(fd_, data, payload_size_, deadline_ms);
        if (io != IoResult::Done) {
            return broken(from_io(io));
        }
    }
    payload_due_ = false;
    state_ = next_;
    return ChannelResult::Done;
}

ChannelResult Channel::receive_secret(SecretBuffer& secret, long long deadline_ms) noexcept {
    std::uint8_t* room = secret.reserve();
    if (room == nullptr) {
        return broken(ChannelResult::Failed);
    }
    const std::size_t size = payload_size_;
    const ChannelResult result = receive_payload(room, SecretBuffer::kCapacity, deadline_ms);
    if (result != ChannelResult::Done) {
        secret.reset();
        return result;
    }
    secret.set_size(size);
    return ChannelResult::Done;
}

}  // namespace piv
