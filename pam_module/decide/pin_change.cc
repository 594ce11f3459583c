#include "pam_module/decide/pin_change.h"

#include "pam_module/decide/user_text.h"

namespace piv {

namespace {

class PinChange {
  public:
    PinChange(Deadline deadline, Dialogue& dialogue, const CardInfo& card)
        : deadline_(deadline), dialogue_(dialogue), card_(card) {}

    [[nodiscard]] Deadline deadline() const noexcept { return deadline_; }

    Result<SecretBuffer> ask(SecretSource source, const std::string& prompt) {
        const std::int64_t begun = monotonic_ms();
        Result<SecretBuffer> pin = dialogue_.ask(source, prompt);
        deadline_ = deadline_.extended_ms(monotonic_ms() - begun);
        if (pin && (pin->empty() || pin->size() < card_.pin_min || pin->size() > card_.pin_max)) {
            return ErrorCode::PinFormat;
        }
        return pin;
    }

  private:
    Deadline deadline_;
    Dialogue& dialogue_;
    const CardInfo& card_;
};

// A blocked PIN is changed by the PUK; its own counter is not told before it is used.
std::string first_prompt(const std::optional<int>& tries) {
    if (!tries) {
        return translated("Current PIN");
    }
    if (*tries <= 0) {
        return translated("PUK");
    }
    return filled(plural("Current PIN (%2 try left)", "Current PIN (%2 tries left)", *tries), {},
                  std::to_string(*tries));
}

}  // namespace

Status change_card_pin(const LoginPolicy& policy, Deadline deadline, Cards& cards,
                       Dialogue& dialogue, AttemptRecord& record) {
    Result<std::vector<SeenCard>> seen = cards.open(policy.card, deadline);
    if (!seen || seen->empty()) {
        Error error = seen ? Error(ErrorCode::NoCard) : std::move(seen).error();
        record.fail(StepName::Card, error);
        return error;
    }
    record.reader = seen->front().info.reader;
    record.card_id = seen->front().info.card_id;
    Result<std::optional<int>> tries = cards.pin_tries_left(0, deadline);
    if (!tries) {
        return std::move(tries).error();
    }
    const bool blocked = tries->has_value() && **tries <= 0;
    if (!blocked && tries->has_value() && **tries <= policy.card.tries_floor) {
        return ErrorCode::PinTriesFloor;
    }
    PinChange change(deadline, dialogue, seen->front().info);
    if (blocked) {
        dialogue.info(translated("The PIN of the smart card is blocked. Its PUK unblocks it."));
    }
    Result<SecretBuffer> old_secret = change.ask(SecretSource::Person, first_prompt(*tries) + ": ");
    if (!old_secret) {
        return std::move(old_secret).error();
    }
    Result<SecretBuffer> new_pin = change.ask(SecretSource::NewPin, translated("New PIN") + ": ");
    if (!new_pin) {
        return std::move(new_pin).error();
    }
    Result<SecretBuffer> again =
        change.ask(SecretSource::NewPin, translated("New PIN again") + ": ");
    if (!again) {
        return std::move(again).error();
    }
    if (again->view() != new_pin->view()) {
        return ErrorCode::PinsDiffer;
    }
    const PinChangeBy by = blocked ? PinChangeBy::Puk : PinChangeBy::OldPin;
    Status changed = cards.change_pin(0, by, *old_secret, *new_pin, change.deadline());
    if (!changed) {
        record.fail(StepName::Possession, changed.error());
    }
    return changed;
}

}  // namespace piv
