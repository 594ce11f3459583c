// Cards: the card role as the decider sees it. Everything in it comes from a process that handles
// hostile input and is believed in nothing: certificates are validated here, signatures verified.
#pragma once

#include <optional>
#include <vector>

#include "pam_module/card/card_session.h"

namespace piv {

struct SeenCard {
    CardInfo info;
    std::vector<CardCertificate> certificates;
};

/// What entitles to a new PIN: the old one, or, when that is blocked, the PUK.
enum class PinChangeBy : std::uint8_t { OldPin = 0, Puk = 1 };

class Cards {
  public:
    virtual ~Cards() = default;
    /// Finds cards and reads their certificates. Errors: those of open_cards() and
    /// CardSession::certificates().
    virtual Result<std::vector<SeenCard>> open(const CardSettings& settings, Deadline deadline) = 0;
    /// By the card's place in what open() gave.
    virtual Result<std::optional<int>> pin_tries_left(std::size_t card, Deadline deadline) = 0;

    struct SignRequest {
        std::size_t card = 0;
        std::size_t certificate = 0;
        CardKey key = CardKey::Rsa2048;
        Bytes input;
    };
    virtual Result<Bytes> sign(const SignRequest& request, const SecretBuffer& pin,
                               Deadline deadline) = 0;
    /// The signature did not verify: nothing that was remembered of this card is used again.
    virtual void distrust(std::size_t card, Deadline deadline) = 0;
    /// Errors: those of CardSession::change_pin() and unblock_pin().
    virtual Status change_pin(std::size_t card, PinChangeBy by, const SecretBuffer& old_secret,
                              const SecretBuffer& new_pin, Deadline deadline) = 0;
    /// Commands that were sent to the card, as far as it is known.
    [[nodiscard]] virtual unsigned commands() const noexcept = 0;
};

}  // namespace piv
