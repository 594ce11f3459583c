#include "pam_module/decide/login_attempt.h"

#include <openssl/evp.h>

#include "pam_module/decide/user_text.h"
#include "pki/base/text.h"
#include "pki/x509/name.h"

namespace piv {

namespace {

// How far a certificate came; the error of the one that came furthest is the one to report.
enum Progress : int { kUnread = 0, kDecoded = 1, kPathFound = 2, kBound = 3 };

bool is_reader_error(ErrorCode code) noexcept {
    return code == ErrorCode::PcscDown || code == ErrorCode::NoReader ||
           code == ErrorCode::ModuleRefused || code == ErrorCode::BadConfig;
}

bool nothing_there(ErrorCode code) noexcept {
    return code == ErrorCode::NoReader || code == ErrorCode::NoCard;
}

class RevocationPump : public Background {
  public:
    explicit RevocationPump(RevocationCheck* check) : check_(check) {}
    [[nodiscard]] int poll_fd() const override { return check_ ? check_->poll_fd() : -1; }
    [[nodiscard]] int next_pump_ms() const override { return check_ ? check_->next_pump_ms() : -1; }
    void pump() override { check_->pump(); }

  private:
    RevocationCheck* check_;
};

// Which certificate could not be asked about, and why.
std::string soft_text(const std::vector<RevocationVerdict>& verdicts) {
    std::string text = "unavailable, accepted under revocation.ocsp = soft";
    for (const RevocationVerdict& verdict : verdicts) {
        if (verdict.state != RevocationState::Good) {
            text.append(": ").append(info(verdict.why.code).name).append(": ");
            text += verdict.why.detail;
        }
    }
    return text;
}

std::string count_of(int tries) {
    return std::to_string(tries) + (tries == 1 ? " try left" : " tries left");
}

// The holder as the certificate names them, else as the account is called.
std::string holder(const Certificate& certificate, const std::string& user) {
    const Bytes subject = certificate.subject_der();
    const std::vector<std::string> names = attribute_values(subject, "2.5.4.3");
    return escape_for_display(names.empty() || names.back().empty() ? user : names.back(), 80);
}

}  // namespace

Result<CardKey> card_key(const Certificate& certificate) {
    EVP_PKEY* key = certificate.public_key();
    const int bits = key != nullptr ? EVP_PKEY_bits(key) : 0;
    const int type = key != nullptr ? EVP_PKEY_base_id(key) : EVP_PKEY_NONE;
    if (type == EVP_PKEY_RSA) {
        switch (bits) {
            case 2048:
                return CardKey::Rsa2048;
            case 3072:
                return CardKey::Rsa3072;
            case 4096:
                return CardKey::Rsa4096;
            default:
                break;
        }
    } else if (type == EVP_PKEY_EC) {
        switch (bits) {
            case 256:
                return CardKey::EcP256;
            case 384:
                return CardKey::EcP384;
            case 521:
                return CardKey::EcP521;
            default:
                break;
        }
    }
    return Error(ErrorCode::WeakKey,
                 "a key of this kind is not used for logins: " + certificate.key_description());
}

LoginAttempt::LoginAttempt(const LoginTools& tools, LoginRequest request, Deadline deadline,
                           AttemptRecord& record)
    : tools_(tools),
      request_(std::move(request)),
      deadline_(deadline),
      record_(record),
      untrusted_(tools.untrusted),
      issuer_fetch_(tools.policy.issuer_fetch, tools.transport) {}

Result<std::vector<SeenCard>> LoginAttempt::open_cards(Cards& cards, Dialogue& dialogue) {
    const StageTimer timer(record_, "card");
    CardSettings at_once = tools_.policy.card;
    at_once.wait_seconds = 0;
    Result<std::vector<SeenCard>> seen = cards.open(at_once, deadline_);
    if (!seen && nothing_there(seen.code()) && tools_.policy.card.wait_seconds > 0) {
        dialogue.info(translated("Insert your smart card."));
        const std::int64_t begun = monotonic_ms();
        const std::int64_t wait_ms = std::int64_t{1000} * tools_.policy.card.wait_seconds;
        seen = cards.open(tools_.policy.card, deadline_.extended_ms(wait_ms));
        deadline_ = deadline_.extended_ms(monotonic_ms() - begun);
    }
    return seen;
}

Status LoginAttempt::identify(Cards& cards, Dialogue& dialogue) {
    Result<std::vector<SeenCard>> seen = open_cards(cards, dialogue);
    if (!seen) {
        if (!is_reader_error(seen.code())) {
            record_.pass(StepName::Reader, "a reader is there");
        }
        record_.fail(is_reader_error(seen.code()) ? StepName::Reader : StepName::Card,
                     seen.error());
        return std::move(seen).error();
    }
    cards_ = std::move(seen).value();
    if (cards_.empty()) {
        const Error error(ErrorCode::NoCard);
        record_.fail(StepName::Card, error);
        return error;
    }
    return choose();
}

// The first certificate of any card that passes; else the error of the one that came furthest.
Status LoginAttempt::choose() {
    Error best(ErrorCode::CardNotUsable, "no certificate on " + std::to_string(cards_.size()) +
                                             (cards_.size() == 1 ? " card" : " cards"));
    AttemptRecord best_record = record_;
    best_record.reader = cards_.front().info.reader;
    best_record.card_id = cards_.front().info.card_id;
    best_record.pass(StepName::Reader, cards_.front().info.reader);
    best_record.fail(StepName::Card, best);
    const AttemptRecord before = record_;
    int best_progress = -1;
    for (std::size_t c = 0; c < cards_.size(); ++c) {
        for (std::size_t i = 0; i < cards_[c].certificates.size(); ++i) {
            const CardCertificate& certificate = cards_[c].certificates[i];
            record_ = before;
            record_.reader = cards_[c].info.reader;
            record_.card_id = cards_[c].info.card_id;
            record_.pass(StepName::Reader, record_.reader);
            record_.pass(StepName::Card, (record_.card_id.empty() ? "" : record_.card_id + ", ") +
                                             "slot " + certificate.slot);
            int progress = kUnread;
            Status considered = consider(certificate.der, progress);
            if (considered) {
                card_ = c;
                certificate_ = i;
                return {};
            }
            if (progress > best_progress) {
                best_progress = progress;
                best = considered.error();
                best_record = record_;
            }
        }
    }
    record_ = std::move(best_record);
    return best;
}

Status LoginAttempt::identify(ByteView certificate_der) {
    int progress = kUnread;
    return consider(certificate_der, progress);
}

// Each issuer that is fetched may show the next one that is missing. IssuerFetch asks for no URL twice
// and for few: this ends.
Result<CertificationPath> LoginAttempt::find_path(const Certificate& certificate) {
    for (;;) {
        Result<CertificationPath> path =
            validate_path(certificate, tools_.store, untrusted_, tools_.policy.path, tools_.now);
        if (path || path.code() != ErrorCode::IssuerMissing) {
            return path;
        }
        if (!issuer_fetch_.fetch(certificate, tools_.store, untrusted_, deadline_)) {
            const std::string& why = issuer_fetch_.why();
            return why.empty() ? std::move(path)
                               : Error(path.code(), path.error().detail + "; fetching: " + why);
        }
    }
}

Status LoginAttempt::consider(ByteView der, int& progress) {
    progress = kUnread;
    Result<Certificate> certificate = Certificate::from_der(der);
    if (!certificate) {
        record_.fail(StepName::Certificate, certificate.error());
        return std::move(certificate).error();
    }
    progress = kDecoded;
    record_.certificate = *certificate;
    record_.pass(StepName::Certificate, certificate->subject());

    const std::int64_t begun = monotonic_ms();
    Result<CertificationPath> path = find_path(*certificate);
    record_.add_time("path", monotonic_ms() - begun);
    if (!path) {
        record_.fail(StepName::Path, path.error());
        return std::move(path).error();
    }
    progress = kPathFound;
    record_.anchor = path->anchor().subject();
    record_.path_sha256.clear();
    for (const Certificate& c : path->certificates()) {
        record_.path_sha256.push_back(c.sha256_hex());
    }
    record_.pass(StepName::Path, "to " + record_.anchor);

    const StageTimer timer(record_, "mapping");
    Result<AccountBinding> binding =
        bind_account(*path, request_.user, tools_.policy.mapping, tools_.names, tools_.now);
    if (!binding) {
        record_.fail(StepName::Mapping, binding.error());
        // Kept: a report about a certificate goes on to its revocation.
        path_.emplace(std::move(path).value());
        return std::move(binding).error();
    }
    progress = kBound;
    record_.user = binding->user();
    record_.rule = binding->rule();
    record_.pass(StepName::Mapping, "account " + binding->user() + " by " + binding->rule());
    user_ = binding->user();
    path_.emplace(std::move(path).value());
    binding_.emplace(std::move(binding).value());
    return {};
}

void LoginAttempt::ask_revocation() {
    if (!path_) {
        return;
    }
    const StageTimer timer(record_, "revocation");
    revocation_.emplace(std::move(*path_), tools_.policy.revocation,
                        tools_.transport ? tools_.transport() : nullptr, tools_.now);
    path_.reset();
    revocation_->start();
}

Status LoginAttempt::settle_revocation() {
    if (!revocation_) {
        return Error(ErrorCode::Internal, "revocation was not asked");
    }
    const StageTimer timer(record_, "revocation");
    const Deadline limit =
        deadline_.earlier_of(Deadline::after_ms(tools_.policy.revocation.timeout_ms));
    Result<RevocationCheckedPath> checked = revocation_->finish(limit);
    record_.verdicts = revocation_->verdicts();
    if (!checked) {
        record_.fail(StepName::Revocation, checked.error());
        return std::move(checked).error();
    }
    record_.soft = checked->soft();
    if (record_.verdicts.empty()) {
        record_.skip(StepName::Revocation, "not asked: revocation.ocsp is off and there is no CRL");
    } else if (checked->soft()) {
        record_.pass(StepName::Revocation, soft_text(record_.verdicts));
    } else {
        record_.pass(StepName::Revocation, "good, from " + record_.verdicts.front().source);
    }
    checked_.emplace(std::move(checked).value());
    return {};
}

std::string LoginAttempt::statement() const {
    return pin_statement(holder(binding_->certificate(), user_), tries_);
}

Status LoginAttempt::count_tries(Cards& cards) {
    const StageTimer timer(record_, "card");
    Result<std::optional<int>> tries = cards.pin_tries_left(card_, deadline_);
    if (!tries) {
        return std::move(tries).error();
    }
    tries_ = *tries;
    if (tries_ && *tries_ <= 0) {
        return ErrorCode::PinBlocked;
    }
    if (tries_ && *tries_ <= tools_.policy.card.tries_floor) {
        return Error(ErrorCode::PinTriesFloor, count_of(*tries_));
    }
    return {};
}

Result<SecretBuffer> LoginAttempt::timed_ask(Dialogue& dialogue, SecretSource source,
                                             const std::string& text) {
    const std::int64_t begun = monotonic_ms();
    RevocationPump pump(revocation_ ? &*revocation_ : nullptr);
    dialogue.set_background(&pump);
    Result<SecretBuffer> pin = dialogue.ask(source, text);
    dialogue.set_background(nullptr);
    const std::int64_t passed = monotonic_ms() - begun;
    deadline_ = deadline_.extended_ms(passed);
    record_.add_time("person", passed);
    if (!pin) {
        return pin;
    }
    const CardInfo& card = cards_[card_].info;
    // A card may say what it likes about lengths: an empty PIN is never one.
    if (pin->empty() || pin->size() < card.pin_min || pin->size() > card.pin_max) {
        return ErrorCode::PinFormat;
    }
    return pin;
}

Result<SecretBuffer> LoginAttempt::pin_from(Dialogue& dialogue) {
    if (cards_[card_].info.pin_pad) {
        dialogue.info(filled(translated("%1. Enter it on the keypad of the reader."), statement()));
        return SecretBuffer();
    }
    if (request_.first_pass != FirstPass::Never) {
        // What an earlier module left is only sent to the card when it can be a PIN, and a wrong
        // one is not followed by another: an attempt spends at most one try.
        Result<SecretBuffer> pin = timed_ask(dialogue, SecretSource::FirstPass, {});
        if (pin || request_.first_pass == FirstPass::Only) {
            return pin;
        }
    }
    if (request_.prompt_text != PromptText::Shown) {
        const bool again = request_.prompt_text == PromptText::HiddenAfterWrongPin && tries_;
        dialogue.info(again ? wrong_pin_text(*tries_) : statement());
    }
    return timed_ask(dialogue, SecretSource::Person, statement() + ": ");
}

Status LoginAttempt::ask_pin(Cards& cards, Dialogue& dialogue) {
    if (!binding_ || card_ >= cards_.size()) {
        return Error(ErrorCode::Internal, "no card was chosen");
    }
    Status counted = count_tries(cards);
    if (!counted) {
        record_.fail(StepName::Possession, counted.error());
        return counted;
    }
    Result<SecretBuffer> pin = pin_from(dialogue);
    if (!pin) {
        record_.fail(StepName::Possession, pin.error());
        return std::move(pin).error();
    }
    pin_ = std::move(pin).value();
    pin_asked_ = true;
    return {};
}

Status LoginAttempt::prove(Cards& cards) {
    const StageTimer timer(record_, "possession");
    if (!binding_ || !checked_ || !pin_asked_) {
        return Error(ErrorCode::Internal, "a step was left out");
    }
    pin_asked_ = false;
    const Certificate& certificate = binding_->certificate();
    const auto proof = [&]() -> Result<PossessionProof> {
        Result<CardKey> key = card_key(certificate);
        if (!key) {
            return std::move(key).error();
        }
        Result<Challenge> challenge = Challenge::make();
        if (!challenge) {
            return std::move(challenge).error();
        }
        Result<Bytes> input = card_input(certificate, *challenge);
        if (!input) {
            return std::move(input).error();
        }
        const Cards::SignRequest request{card_, certificate_, *key, std::move(input).value()};
        Result<Bytes> signature = cards.sign(request, pin_, deadline_);
        pin_.reset();
        if (!signature) {
            return std::move(signature).error();
        }
        return verify_possession(certificate, std::move(challenge).value(), *signature);
    };
    Result<PossessionProof> proven = proof();
    pin_.reset();
    record_.card_commands = cards.commands();
    if (!proven) {
        if (proven.code() == ErrorCode::PinWrong && tries_) {
            tries_ = *tries_ - 1;
        }
        if (proven.code() == ErrorCode::KeyMismatch) {
            cards.distrust(card_, deadline_);
        }
        record_.fail(StepName::Possession, proven.error());
        return std::move(proven).error();
    }
    record_.pass(StepName::Possession, "the card signed our challenge");
    possession_.emplace(std::move(proven).value());
    return {};
}

AuthDecision LoginAttempt::decide() {
    if (!checked_ || !binding_ || !possession_) {
        return AuthDecision::refuse({ErrorCode::Internal, "a proof is missing"});
    }
    if (deadline_.over()) {
        return AuthDecision::refuse({ErrorCode::DeadlineOver, "after the last step"});
    }
    AuthDecision decision =
        AuthDecision::grant(std::move(*checked_), std::move(*binding_), std::move(*possession_));
    checked_.reset();  // a proof serves one decision
    binding_.reset();
    possession_.reset();
    return decision;
}

AuthDecision LoginAttempt::run(Cards& cards, Dialogue& dialogue) {
    Status step = identify(cards, dialogue);
    if (!step) {
        return AuthDecision::refuse(std::move(step).error());
    }
    ask_revocation();
    // What is known without asking anybody is judged at once: nobody types a PIN in vain.
    const bool known = revocation_ && revocation_->poll_fd() < 0;
    if (known) {
        step = settle_revocation();
    }
    if (step) {
        step = ask_pin(cards, dialogue);
    }
    if (step && !known) {
        step = settle_revocation();
    }
    if (step) {
        step = prove(cards);
    }
    return step ? decide() : AuthDecision::refuse(std::move(step).error());
}

}  // namespace piv
