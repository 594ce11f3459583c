// The part of PivCard that needs the PIN.
#include "pam_module/card/pin_pad.h"
#include "pam_module/card/piv_card.h"
#include "pam_module/card/piv_commands.h"
#include "pam_module/card/tlv.h"

namespace piv {

namespace {

constexpr std::size_t kPinField = 8;  // SP 800-73-4 part 2 section 2.4.3: FF after the PIN

bool make_pin_field(const SecretBuffer& first, const SecretBuffer* second, SecretBuffer& field) {
    std::uint8_t* out = field.reserve();
    if (out == nullptr || first.size() > kPinField ||
        (second != nullptr && second->size() > kPinField)) {
        return false;
    }
    const std::size_t size = second != nullptr ? 2 * kPinField : kPinField;
    std::memset(out, 0xFF, size);
    std::memcpy(out, first.data(), first.size());
    if (second != nullptr) {
        std::memcpy(out + kPinField, second->data(), second->size());
    }
    field.set_size(size);
    return true;
}

// The card says that it did not look at the reference data at all: no try is spent.
bool not_executed(std::uint16_t status) {
    return status == sw::kInsNotSupported || status == sw::kClaNotSupported ||
           status == sw::kWrongP1P2 || status == sw::kWrongP1P2Too ||
           status == sw::kReferenceNotFound || status == sw::kNotSupported;
}

struct KeyAlgorithm {
    std::uint8_t id = 0;  // SP 800-78-5 table 9; 0: PIV has none
    std::size_t input = 0;
};

KeyAlgorithm algorithm_of(CardKey key) {
    switch (key) {
        case CardKey::Rsa2048:
            return {0x07, 256};
        case CardKey::Rsa3072:
            return {0x05, 384};
        case CardKey::Rsa4096:
            return {0x16, 512};  // not in SP 800-78: YubiKey 5.7 and later
        case CardKey::EcP256:
            return {0x11, 32};
        case CardKey::EcP384:
            return {0x14, 48};
        case CardKey::EcP521:
            return {};
    }
    return {};
}

Error unexpected(const char* what, std::uint16_t status) {
    return {ErrorCode::CardFailure,
            std::string(what) + " ended with status " + status_text(status)};
}

}  // namespace

// Begins the transaction that the PIN is used in and makes sure that PIV is what is selected. A card
// without extended length, that nobody else had when we came, is not selected again: every command
// counts there, and VERIFY tells when another application is selected after all.
Status PivCard::enter(Deadline deadline) {
    auto transaction = CardTransaction::begin(*link_, deadline);
    if (!transaction) {
        return std::move(transaction).error();
    }
    transaction_.emplace(std::move(*transaction));
    selected_by_assumption_ = selected_ && transaction_->state() == CardState::AsBefore &&
                              !dialog_.extended() && !link_->shared_with_others() &&
                              tries_floor_ <= 0 && !info_.pin_pad;
    return selected_by_assumption_ ? Status() : select(deadline);
}

Status PivCard::check_floor(Deadline deadline) {
    if (tries_known_ && tries_ == 0) {
        return ErrorCode::PinBlocked;
    }
    if (tries_floor_ <= 0) {
        return {};
    }
    auto tries = ask_tries(deadline);
    if (!tries) {
        return std::move(tries).error();
    }
    if (!tries->has_value()) {
        return {};
    }
    if (**tries == 0) {
        return ErrorCode::PinBlocked;
    }
    if (**tries <= tries_floor_) {
        return Error(ErrorCode::PinTriesFloor, std::to_string(**tries) + " left");
    }
    return {};
}

Status PivCard::judge_verify(std::uint16_t status) {
    tries_known_ = false;
    if (status == sw::kDone) {
        transaction_->set_release(Release::ResetCard);
        return {};
    }
    if (sw::is_counter(status)) {
        tries_ = status & 0x0F;
        tries_known_ = true;
        if (tries_ == 0) {
            return Error(ErrorCode::PinBlocked, "the last try was a wrong PIN");
        }
        return Error(ErrorCode::PinWrong, std::to_string(*tries_) + " tries left");
    }
    switch (status) {
        case sw::kBlocked:
            tries_ = 0;
            tries_known_ = true;
            return ErrorCode::PinBlocked;
        case 0x6300:  // cards from before SP 800-73-3 do not say how many are left
            return ErrorCode::PinWrong;
        case sw::kWrongData:
            return Error(ErrorCode::PinFormat, "the card does not take a PIN of this form");
        case sw::kSecurityStatus:
            return Error(ErrorCode::CardNotUsable,
                         "the card takes no PIN over this interface (contactless?)");
        case sw::kReferenceNotFound:
            return Error(ErrorCode::CardNotUsable, "the card has no PIN");
        default:
            return unexpected("VERIFY", status);
    }
}

Status PivCard::verify(const SecretBuffer& pin, Deadline deadline) {
    SecretBuffer field;
    if (!make_pin_field(pin, nullptr, field)) {
        return ErrorCode::OutOfMemory;
    }
    CommandApdu command;
    command.ins = ins::kVerify;
    command.p2 = static_cast<std::uint8_t>(pin_reference_);
    auto response = dialog_.send_secret(command, field, deadline);
    if (response && selected_by_assumption_ && not_executed(response->status)) {
        if (Status s = select(deadline); !s) {
            return s;
        }
        response = dialog_.send_secret(command, field, deadline);
    }
    if (!response) {
        tries_known_ = false;
        return std::move(response).error();
    }
    return judge_verify(response->status);
}

Status PivCard::verify_on_pad(Deadline deadline) {
    const PinPad pad(*link_);
    auto status = pad.verify(static_cast<std::uint8_t>(pin_reference_), deadline);
    if (!status) {
        tries_known_ = false;
        return std::move(status).error();
    }
    return judge_verify(*status);
}

Result<Bytes> PivCard::verify_pin_and_sign(const SecretBuffer& pin,
                                           const CardCertificate& certificate, CardKey key,
                                           ByteView input, Deadline deadline) {
    const auto slot = slot_by_name(certificate.slot);
    const KeyAlgorithm algorithm = algorithm_of(key);
    if (!slot || algorithm.id == 0 || input.size() != algorithm.input) {
        return Error(ErrorCode::CardNotUsable, "PIV cards have no key of this kind");
    }
    const bool on_pad = pin.empty() && info_.pin_pad;
    if (!on_pad) {
        if (Status s = check_pin_format(pin.view(), info_.pin_min, info_.pin_max); !s) {
            return std::move(s).error();
        }
    }
    leave();  // an earlier attempt of this session
    Status status = enter(deadline);
    if (status) {
        status = check_floor(deadline);
    }
    if (status) {
        const std::int64_t asked = monotonic_ms();
        status = on_pad ? verify_on_pad(deadline) : verify(pin, deadline);
        deadline = on_pad ? deadline.extended_ms(monotonic_ms() - asked) : deadline;
    }
    if (!status) {
        if (status.code() == ErrorCode::PinWrong || status.code() == ErrorCode::CardNotUsable) {
            distrust_cache();  // the PIN reference remembered of this card may be the reason
        }
        leave();
        return std::move(status).error();
    }
    auto signature = sign(*slot, key, input, deadline);
    if (!signature) {
        leave();
    }
    return signature;
}

// SP 800-73-4 part 2 section 3.2.4: 7C { 82 (empty: a response is asked for), 81 challenge }; the
// answer is 7C { 82 response }.
Result<Bytes> PivCard::sign(const PivSlot& slot, CardKey key, ByteView input, Deadline deadline) {
    const KeyAlgorithm algorithm = algorithm_of(key);
    Bytes inner;
    append_tlv(inner, 0x82, {});
    append_tlv(inner, 0x81, input);
    Bytes data;
    append_tlv(data, 0x7C, inner);
    CommandApdu command;
    command.ins = ins::kGeneralAuthenticate;
    command.p1 = algorithm.id;
    command.p2 = slot.key;
    command.data = data;
    command.wants_response = true;
    const bool rsa = algorithm.input >= 256;
    command.max_response = rsa ? algorithm.input + 16 : 256;
    auto response = dialog_.send(command, deadline);
    if (!response) {
        return std::move(response).error();
    }
    switch (response->status) {
        case sw::kDone:
            break;
        case sw::kWrongData:
        case sw::kNotSupported:
        case sw::kNotFound:
        case sw::kWrongP1P2:
        case sw::kReferenceNotFound:
        case sw::kSecurityStatus:
        case sw::kConditions:
            return Error(ErrorCode::CardNotUsable,
                         "the card has no usable key for the certificate: GENERAL AUTHENTICATE "
                         "ended with status " +
                             status_text(response->status));
        default:
            return unexpected("GENERAL AUTHENTICATE", response->status);
    }
    auto outer = find_tlv(response->data, 0x7C);
    if (!outer || !outer->has_value()) {
        return Error(ErrorCode::CardMalformed, "the card's signature is not in its template (7C)");
    }
    auto value = find_tlv(**outer, 0x82);
    if (!value || !value->has_value() || (*value)->empty()) {
        return Error(ErrorCode::CardMalformed, "the card's answer has no signature (82)");
    }
    Bytes signature;
    if (rsa && (*value)->size() < algorithm.input) {
        signature.resize(algorithm.input - (*value)->size());  // cards that drop leading zeros
    }
    signature.insert(signature.end(), (*value)->begin(), (*value)->end());
    signed_ = true;
    return signature;
}

// --- PIN change -----------------------------------------------------------------------------------

// SP 800-73-4 part 2 sections 3.2.2 and 3.2.3: both values of 8 octets, one after the other.
Status PivCard::change_reference(std::uint8_t ins, const SecretBuffer& first,
                                 const SecretBuffer& second, Deadline deadline) {
    SecretBuffer field;
    if (!make_pin_field(first, &second, field)) {
        return Error(ErrorCode::PinFormat, "a PIN or PUK has at most 8 characters");
    }
    leave();
    auto transaction = CardTransaction::begin(*link_, deadline);
    if (!transaction) {
        return std::move(transaction).error();
    }
    transaction->set_release(Release::ResetCard);
    if (Status s = select(deadline); !s) {
        return s;
    }
    const bool unblock = ins == ins::kResetRetryCounter;
    CommandApdu command;
    command.ins = ins;
    command.p2 = static_cast<std::uint8_t>(unblock ? PinReference::Application : pin_reference_);
    tries_known_ = false;
    auto response = dialog_.send_secret(command, field, deadline);
    if (!response) {
        return std::move(response).error();
    }
    const std::uint16_t status = response->status;
    if (status == sw::kDone) {
        return {};
    }
    if (sw::is_counter(status) || status == 0x6300) {
        const bool last = status == 0x63C0;
        const std::string left =
            status == 0x6300 ? std::string() : std::to_string(status & 0x0F) + " tries left";
        if (unblock) {
            return Error(last ? ErrorCode::PukBlocked : ErrorCode::PukWrong, left);
        }
        return Error(last ? ErrorCode::PinBlocked : ErrorCode::PinWrong, left);
    }
    switch (status) {
        case sw::kBlocked:
            return unblock ? ErrorCode::PukBlocked : ErrorCode::PinBlocked;
        case sw::kWrongData:
        case sw::kConditions:
            return Error(ErrorCode::PinNewRefused, "status " + status_text(status));
        default:
            return unexpected(unblock ? "RESET RETRY COUNTER" : "CHANGE REFERENCE DATA", status);
    }
}

Status PivCard::change_pin(const SecretBuffer& old_pin, const SecretBuffer& new_pin,
                           Deadline deadline) {
    for (const SecretBuffer* pin : {&old_pin, &new_pin}) {
        if (Status s = check_pin_format(pin->view(), info_.pin_min, info_.pin_max); !s) {
            return s;
        }
    }
    return change_reference(ins::kChangeReference, old_pin, new_pin, deadline);
}

Status PivCard::unblock_pin(const SecretBuffer& puk, const SecretBuffer& new_pin,
                            Deadline deadline) {
    if (Status s = check_pin_format(puk.view(), 6, kPinField); !s) {
        return s;
    }
    if (Status s = check_pin_format(new_pin.view(), info_.pin_min, info_.pin_max); !s) {
        return s;
    }
    return change_reference(ins::kResetRetryCounter, puk, new_pin, deadline);
}

}  // namespace piv
