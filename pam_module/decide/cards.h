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
    virtual Status change_pin(std::size_t card, const SecretBuffer& old_pin,
                              const SecretBuffer& new_pin, Deadline deadline) = 0;
    /// Commands that were sent to the card, as far as it is known.
    [[nodiscard]] virtual unsigned commands() const noexcept = 0;
};

}  // namespace piv
