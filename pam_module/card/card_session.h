// CardSession: one card or token in the hands of the card role. Two implementations of one
// interface: PIV over PC/SC (SP 800-73-4), and PKCS#11 through p11-kit. It returns bytes, never a
// verdict, and knows no X.509.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "pki/base/result.h"
#include "pki/base/secret_buffer.h"
#include "pki/base/time.h"

namespace piv {

struct CardInfo {
    std::string reader;      // as the reader or token calls itself: untrusted text
    std::string card_id;     // GUID of the CHUID, or the token's serial; hexadecimal or untrusted text
    bool pin_pad = false;
    std::size_t pin_min = 6;
    std::size_t pin_max = 8;
};

/// A certificate with the key it goes with, as an opaque handle for sign().
struct CardCertificate {
    Bytes der;
    std::string slot;  // "9A", or the PKCS#11 id in hexadecimal
};

enum class CardKey { Rsa2048, Rsa3072, Rsa4096, EcP256, EcP384, EcP521 };

class CardSession {
  public:
    virtual ~CardSession() = default;
    [[nodiscard]] virtual const CardInfo& card() const noexcept = 0;
    /// Certificates that may log in, 9A first; no PIN is needed. Errors: CardNotUsable,
    /// CardMalformed, CardRemoved, CardFailure, DeadlineOver.
    virtual Result<std::vector<CardCertificate>> certificates(Deadline deadline) = 0;
    /// Tries left on the PIN's counter, without using one. Empty: the card does not say.
    virtual Result<std::optional<int>> pin_tries_left(Deadline deadline) = 0;
    /// One VERIFY and one signature in one transaction. `input` is what PossessionProof's
    /// card_input() made: a whole PKCS#1 v1.5 block for RSA, a digest for ECDSA. Returns the
    /// signature: RSA raw, ECDSA as DER. Errors: PinWrong, PinBlocked, PinFormat (nothing was sent),
    /// CardRemoved, CardFailure, DeadlineOver. At most one try of the counter is ever spent.
    virtual Result<Bytes> verify_pin_and_sign(const SecretBuffer& pin,
                                              const CardCertificate& certificate, CardKey key,
                                              ByteView input, Deadline deadline) = 0;
};

enum class CardBackend { Auto, Piv, Pkcs11 };

struct CardSettings {
    CardBackend backend = CardBackend::Auto;
    std::string module;          // PKCS#11 module, absolute path
    std::string reader;          // glob over reader names; empty: any
    std::vector<std::string> slots{"9A"};
    int tries_floor = 0;
    int wait_seconds = 0;
};

/// Finds readers and cards by the settings; waits up to `wait_seconds` for a card when none is
/// there. All sessions that may serve, best first. Errors: PcscDown, NoReader, NoCard, ...
Result<std::vector<std::unique_ptr<CardSession>>> open_cards(const CardSettings& settings,
                                                             Deadline deadline);

}  // namespace piv
