// CardSession: one card or token in the hands of the card role. Two implementations of one
// interface: PIV over PC/SC (SP 800-73-4), and PKCS#11 through p11-kit. It returns bytes, never a
// verdict, and knows no X.509.
//
// The role runs with an empty environment: libpcsclite before 2.0 takes its socket from
// PCSCLITE_CSOCK_NAME, OpenSC its configuration from OPENSC_CONF. Both libraries, and vendor modules,
// may block in calls that have no timeout of their own: the deadline is looked at between calls, and
// the process that started the role ends it from outside.
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

enum class CardBackend { Auto, Piv, Pkcs11 };

struct CardInfo {
    std::string reader;    // as the reader or token calls itself: untrusted text
    std::string card_id;   // the token's serial, or empty: see CardSession::read_card_id()
    bool pin_pad = false;  // the PIN is typed on the reader: give an empty one
    std::size_t pin_min = 6;
    std::size_t pin_max = 8;
    CardBackend backend = CardBackend::Piv;  // which of the two it is; never Auto
    bool pin_change_due = false;             // the token asks for a new PIN
};

/// A certificate with the key it goes with, as an opaque handle for sign().
struct CardCertificate {
    Bytes der;
    std::string slot;  // "9A", or the PKCS#11 id in hexadecimal
};

enum class CardKey { Rsa2048, Rsa3072, Rsa4096, EcP256, EcP384, EcP521 };

/// What the exchange with the card came to so far: for benchmarks and the journal.
struct CardTraffic {
    unsigned apdus = 0;  // 0 with PKCS#11: the module does not say
    std::size_t bytes_sent = 0;
    std::size_t bytes_received = 0;
};

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
    /// signature: RSA raw, ECDSA as DER. Errors: PinWrong, PinBlocked, PinTriesFloor, PinFormat
    /// (nothing was sent), CardNotUsable (no key there), CardRemoved, CardFailure, DeadlineOver. At
    /// most one try of the counter is ever spent. The card stays ours, with the PIN verified, until
    /// the session is destroyed, which resets it: send the signature on first, then destroy.
    virtual Result<Bytes> verify_pin_and_sign(const SecretBuffer& pin,
                                              const CardCertificate& certificate, CardKey key,
                                              ByteView input, Deadline deadline) = 0;

    /// PIN change. Errors: PinWrong, PinBlocked (of the old one), PinFormat (nothing was sent),
    /// PinNewRefused (the card does not take the new one), CardRemoved, CardFailure, DeadlineOver.
    virtual Status change_pin(const SecretBuffer& old_pin, const SecretBuffer& new_pin,
                              Deadline deadline) = 0;
    /// New PIN by the PUK. Errors: PukWrong, PukBlocked, and those of change_pin().
    virtual Status unblock_pin(const SecretBuffer& puk, const SecretBuffer& new_pin,
                               Deadline deadline) = 0;
    /// An identifier of this very card: GUID of the CHUID, or the token's serial. Costs one command.
    virtual Result<std::string> read_card_id(Deadline deadline) = 0;
    /// The signature did not verify: what was remembered of this card is forgotten, so that the next
    /// attempt reads the card anew.
    virtual void distrust_cache() noexcept {}
    [[nodiscard]] virtual CardTraffic traffic() const noexcept { return {}; }
};

struct CardSettings {
    CardBackend backend = CardBackend::Auto;
    std::string module;  // PKCS#11 module, absolute path
    std::string reader;  // glob over reader names; empty: any
    std::vector<std::string> slots{"9A"};
    int tries_floor = 0;
    int wait_seconds = 0;
    std::string cache_dir;  // folder for certificates of known cards; empty: none are kept
};

/// Finds readers and cards by the settings. With `wait_seconds` it waits that long for a card when
/// none is there; the time waited is the person's and does not count against `deadline`. To show a
/// message first: call with 0, and again when that ends with NoCard or NoReader. All sessions that may
/// serve, best first: PIV cards in the order of the readers, then tokens. Certificates and tries are
/// read here already, in one transaction per card. Errors: PcscDown, PcscDenied, NoReader, NoCard,
/// CardBusy, CardNotUsable (cards, but none of a kind that we can use), ModuleRefused, BadConfig, ...
Result<std::vector<std::unique_ptr<CardSession>>> open_cards(const CardSettings& settings,
                                                             Deadline deadline);

}  // namespace piv
