// Channel: one end of a protocol over a stream socket. It sends and takes only what the table of
// messages allows in the state it is in; after the first refusal it is of no more use. Glue-safe.
#pragma once

#include "pam_module/protocol/messages.h"
#include "pki/base/bytes.h"
#include "pki/base/secret_buffer.h"

namespace piv {

enum class ChannelResult : std::uint8_t {
    Done,
    Closed,  // the other side is gone
    TimedOut,
    Refused,  // the other side (or the caller) broke the protocol
    Failed,   // the system call failed
};

class Channel {
  public:
    /// Borrows `fd`. `initial` is State::Start or State::Idle.
    Channel(int fd, Side side, State initial) noexcept : fd_(fd), side_(side), state_(initial) {}

    [[nodiscard]] State state() const noexcept { return state_; }

    /// Sends a whole frame by the CLOCK_MONOTONIC point `deadline_ms`.
    ChannelResult send(Message message, ByteView payload, long long deadline_ms) noexcept;
    /// Waits for the header of the next frame; then take the payload with receive_payload() or
    /// receive_secret() before anything else.
    ChannelResult receive_header(Message& message, std::size_t& size,
                                 long long deadline_ms) noexcept;
    /// Exactly the `size` octets that receive_header() announced; `capacity` is that of `data`.
    ChannelResult receive_payload(std::uint8_t* data, std::size_t capacity,
                                  long long deadline_ms) noexcept;
    /// The payload into a SecretBuffer and nowhere else.
    ChannelResult receive_secret(SecretBuffer& secret, long long deadline_ms) noexcept;

  private:
    ChannelResult broken(ChannelResult why) noexcept;

    int fd_;
    Side side_;
    State state_;
    bool usable_ = true;
    bool payload_due_ = false;
    std::size_t payload_size_ = 0;
    State next_ = State::Over;
};

}  // namespace piv
