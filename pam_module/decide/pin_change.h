// The PIN change of `passwd` with a card: the old PIN, the new one twice, and the card decides.
#pragma once

#include "pam_module/decide/attempt_record.h"
#include "pam_module/decide/cards.h"
#include "pam_module/decide/dialogue.h"
#include "pam_module/decide/login_policy.h"

namespace piv {

/// On the first card. Errors: those of Cards, PinFormat and PinsDiffer (nothing was sent),
/// ConversationFailed.
Status change_card_pin(const LoginPolicy& policy, Deadline deadline, Cards& cards,
                       Dialogue& dialogue, AttemptRecord& record);

}  // namespace piv
