// CardClient: Cards over the card protocol, to a card role at the other end of a socket.
#pragma once

#include <vector>

#include "pam_module/decide/cards.h"
#include "pam_module/protocol/channel.h"
#include "pki/base/fd.h"

namespace piv {

class CardClient : public Cards {
  public:
    explicit CardClient(UniqueFd socket);
    Result<std::vector<SeenCard>> open(const CardSettings& settings, Deadline deadline) override;
    Result<std::optional<int>> pin_tries_left(std::size_t card, Deadline deadline) override;
    Result<Bytes> sign(const SignRequest& request, const SecretBuffer& pin,
                       Deadline deadline) override;
    void distrust(std::size_t card, Deadline deadline) override;
    Status change_pin(std::size_t card, PinChangeBy by, const SecretBuffer& old_secret,
                      const SecretBuffer& new_pin, Deadline deadline) override;
    [[nodiscard]] unsigned commands() const noexcept override { return commands_; }
    /// The role did not answer in time, is gone or broke the protocol: nothing more comes of it, and
    /// what it still does is nothing that was asked for.
    [[nodiscard]] bool lost() const noexcept { return lost_; }

  private:
    struct Frame {
        Message message{};
        Bytes payload;
    };
    Result<Frame> receive(Deadline deadline);
    Status send(Message message, ByteView payload, Deadline deadline);
    Error lose(ChannelResult result);
    Error failure(ByteView payload);

    UniqueFd socket_;
    Channel channel_;
    unsigned commands_ = 0;
    bool lost_ = false;
};

/// The codes a card role may fail with; any other number from it is Internal.
ErrorCode card_role_error(std::uint32_t number) noexcept;

}  // namespace piv
