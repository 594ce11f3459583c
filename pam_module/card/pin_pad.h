// PIN entry on the reader's own keys (PC/SC part 10 sections 2.5 and 2.6): the PIN never comes to
// this machine.
#pragma once

#include "pam_module/card/card_link.h"

namespace piv {

/// Seconds that the reader waits for keys.
inline constexpr std::uint8_t kPinPadSeconds = 60;

class PinPad {
  public:
    explicit PinPad(CardLink& link) noexcept : link_(link) {}
    /// VERIFY of a PIV PIN. Returns the card's status. Errors: ConversationFailed (cancelled, or no
    /// key for kPinPadSeconds), PinFormat (too short or too long: nothing went to the card),
    /// CardFailure, CardRemoved.
    Result<std::uint16_t> verify(std::uint8_t reference, Deadline deadline) const;
    /// CHANGE REFERENCE DATA (ins 24) or RESET RETRY COUNTER (2C): old value (or PUK), new PIN, and
    /// the new PIN again. Errors as verify(), and PinNewRefused when the two differ.
    Result<std::uint16_t> change(std::uint8_t ins, std::uint8_t reference, Deadline deadline) const;

  private:
    CardLink& link_;
};

/// The two structures as the reader gets them, for tests.
Bytes pin_verify_structure(std::uint8_t reference);
Bytes pin_modify_structure(std::uint8_t ins, std::uint8_t reference);

}  // namespace piv
