// The certificate of the card in a reader of this machine, for --verify-with CARD.
#pragma once

#include "pki/base/time.h"
#include "pki/x509/certificate.h"

namespace piv {

/// What --verify-with is given for the card in the reader, instead of a file.
inline constexpr char kCardInReader[] = "CARD";

/// The certificate that logs in with the card that a login would ask first, by [card] of this machine's
/// own configuration; no PIN is needed. Errors: those of load_settings(), open_cards() and
/// CardSession::certificates(); CardNotUsable without a certificate.
Result<TokenCertificate> read_card_leaf(Deadline deadline);

}  // namespace piv
