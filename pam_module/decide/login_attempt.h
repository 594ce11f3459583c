// LoginAttempt: the steps of one login, in their only order:
//   certificates of the card, path, account (identify)
//   revocation asked (ask_revocation), while the person types the PIN (ask_pin)
//   revocation answered (settle_revocation), and only then the PIN goes to the card (prove)
//   the decision (decide)
// Whatever fails ends the attempt before the card has lost a PIN try.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pam_module/decide/attempt_record.h"
#include "pam_module/decide/auth_decision.h"
#include "pam_module/decide/cards.h"
#include "pam_module/decide/dialogue.h"
#include "pam_module/decide/login_policy.h"

namespace piv {

using TransportFactory = std::function<std::unique_ptr<Transport>()>;

/// What the steps work with. Outlives the attempt.
struct LoginTools {
    const LoginPolicy& policy;
    const TrustStore& store;
    NameService names;
    TransportFactory transport;  // called only when there is something to ask; may be empty
    UnixTime now = 0;
    std::vector<Certificate> untrusted;
};

/// Whether the host shows the text of a prompt. Graphical greeters may show an entry and no text.
enum class PromptText : std::uint8_t { Shown, Hidden, HiddenAfterWrongPin };

struct LoginRequest {
    std::string user;  // PAM_USER; empty: the card says
    FirstPass first_pass = FirstPass::Never;
    PromptText prompt_text = PromptText::Shown;
};

class LoginAttempt {
  public:
    LoginAttempt(const LoginTools& tools, LoginRequest request, Deadline deadline,
                 AttemptRecord& record);

    /// Reads the cards and takes the first certificate that has a path and is this user's.
    Status identify(Cards& cards, Dialogue& dialogue);
    /// The same for a certificate that is given.
    Status identify(ByteView certificate_der);
    void ask_revocation();
    Status ask_pin(Cards& cards, Dialogue& dialogue);
    Status settle_revocation();
    Status prove(Cards& cards);
    /// From the proofs of the steps before; a refusal when one is missing.
    AuthDecision decide();

    /// All of it.
    AuthDecision run(Cards& cards, Dialogue& dialogue);

    /// The validated path, from identify() until ask_revocation(); also when only the account was
    /// wrong. nullptr: there is none.
    [[nodiscard]] const CertificationPath* path() const noexcept {
        return path_ ? &*path_ : nullptr;
    }
    [[nodiscard]] const std::string& user() const noexcept { return user_; }  // once identified
    /// PIN tries that are left after a wrong PIN, if the card says.
    [[nodiscard]] std::optional<int> tries_left() const noexcept { return tries_; }

  private:
    Result<std::vector<SeenCard>> open_cards(Cards& cards, Dialogue& dialogue);
    Status consider(ByteView der, int& progress);
    Result<CertificationPath> find_path(const Certificate& certificate);
    Status choose();
    Status count_tries(Cards& cards);
    Result<SecretBuffer> pin_from(Dialogue& dialogue);
    Result<SecretBuffer> timed_ask(Dialogue& dialogue, SecretSource source,
                                   const std::string& prompt);
    [[nodiscard]] std::string statement() const;

    const LoginTools& tools_;
    LoginRequest request_;
    Deadline deadline_;
    AttemptRecord& record_;

    std::vector<Certificate> untrusted_;  // those of the tools, and fetched issuers
    IssuerFetch issuer_fetch_;
    std::vector<SeenCard> cards_;
    std::size_t card_ = 0;
    std::size_t certificate_ = 0;
    std::string user_;
    std::optional<int> tries_;
    SecretBuffer pin_;
    bool pin_asked_ = false;
    std::optional<CertificationPath> path_;
    std::optional<AccountBinding> binding_;
    std::optional<RevocationCheck> revocation_;
    std::optional<RevocationCheckedPath> checked_;
    std::optional<PossessionProof> possession_;
};

/// The kind of key that a card has to sign with. Error: WeakKey.
Result<CardKey> card_key(const Certificate& certificate);

}  // namespace piv
