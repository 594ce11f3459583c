#include "pam_module/card/piv_card.h"

#include <algorithm>
#include <new>

#include "pam_module/card/atr.h"
#include "pam_module/card/pin_pad.h"
#include "pam_module/card/tlv.h"

namespace piv {

namespace {

// SP 800-73-4 part 1 section 2.2: the AID without its version, so that every version is selected.
constexpr std::uint8_t kPivAid[] = {0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00};
constexpr std::uint32_t kDiscoveryObject = 0x7E;
constexpr std::uint32_t kChuidObject = 0x5FC102;
constexpr std::size_t kMaxSmallObject = 256;

constexpr std::uint8_t kSelect = 0xA4;
constexpr std::uint8_t kGetData = 0xCB;
constexpr std::uint8_t kVerify = 0x20;
constexpr std::uint8_t kChangeReference = 0x24;
constexpr std::uint8_t kResetRetryCounter = 0x2C;
constexpr std::uint8_t kGeneralAuthenticate = 0x87;

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

CommandApdu get_data(Bytes& data, std::uint32_t tag, std::size_t max_response) {
    data.clear();
    append_tlv_header(data, tag, 0);
    data.pop_back();  // the tag alone
    Bytes list;
    append_tlv(list, 0x5C, data);
    data = std::move(list);
    CommandApdu command;
    command.ins = kGetData;
    command.p1 = 0x3F;
    command.p2 = 0xFF;
    command.data = data;
    command.wants_response = true;
    command.max_response = max_response;
    return command;
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

PivCard::PivCard(std::unique_ptr<CardLink> link, const CardSettings& settings)
    : link_(std::move(link)),
      dialog_(
          *link_, link_->transmission(),
          capabilities_from_atr(link_->atr()).extended_length &&
              (!link_->features().has_max_apdu_data || link_->features().max_apdu_data > 0xFFU)),
      tries_floor_(settings.tries_floor),
      cache_(settings.cache_dir),
      read_status_(Error(ErrorCode::CardNotUsable)) {
    info_.reader = link_->reader();
    info_.pin_pad = link_->features().verify_pin_direct != 0;
    for (const std::string& name : settings.slots) {
        if (const auto slot = slot_by_name(name)) {
            slots_.push_back(*slot);
        }
    }
    std::stable_partition(slots_.begin(), slots_.end(),
                          [](const PivSlot& slot) { return slot.key == 0x9A; });
}

PivCard::~PivCard() {
    leave();
    keep_certificates();
}

void PivCard::leave() noexcept {
    transaction_.reset();
}

// After the card is let go: writing takes longer than a signature should wait.
void PivCard::keep_certificates() noexcept {
    try {
        for (const Bytes& object : to_keep_) {
            if (signed_) {
                (void)cache_.keep(link_->atr(), object, pin_reference_);
            }
        }
    } catch (const std::bad_alloc&) {
        return;  // then it is read again next time
    }
}

CardTraffic PivCard::traffic() const noexcept {
    return {dialog_.count(), dialog_.bytes_sent(), dialog_.bytes_received()};
}

void PivCard::distrust_cache() noexcept {
    for (const std::string& name : cached_) {
        cache_.forget(name);
    }
    cached_.clear();
    to_keep_.clear();
}

// --- reading --------------------------------------------------------------------------------------

Result<std::unique_ptr<PivCard>> PivCard::open(std::unique_ptr<CardLink> link,
                                               const CardSettings& settings, Deadline deadline) {
    std::unique_ptr<PivCard> card(new PivCard(std::move(link), settings));
    if (card->slots_.empty()) {
        return Error(ErrorCode::BadConfig, "card.slots names no slot: 9A, 9C, 9D, 9E, 82 to 95");
    }
    auto transaction = CardTransaction::begin(*card->link_, deadline);
    if (!transaction) {
        return std::move(transaction).error();
    }
    if (Status selected = card->select(deadline); !selected) {
        return std::move(selected).error();
    }
    card->read_status_ = card->read_all(deadline);
    return card;
}

// SP 800-73-4 part 2 section 3.1.1.
Status PivCard::select(Deadline deadline) {
    CommandApdu command;
    command.ins = kSelect;
    command.p1 = 0x04;
    command.data = ByteView(kPivAid, sizeof kPivAid);
    command.wants_response = true;
    auto response = dialog_.send(command, deadline);
    if (!response) {
        return std::move(response).error();
    }
    if (response->status != sw::kDone) {
        return Error(ErrorCode::CardNotPiv, "SELECT of the PIV application ended with status " +
                                                status_text(response->status));
    }
    // The application property template (61) comes back; other applications that answer to
    // everything have something else there.
    if (!response->data.empty() && response->data[0] != 0x61) {
        return Error(ErrorCode::CardNotPiv, "the selected application is not PIV");
    }
    return {};
}

Status PivCard::read_all(Deadline deadline) {
    Status problem = Error(ErrorCode::CardNotUsable, "no certificate in the slots for login");
    bool have_reference = false;
    for (const PivSlot& slot : slots_) {
        auto certificate = read_certificate(slot, deadline);
        if (!certificate) {
            const ErrorCode code = certificate.code();
            problem = std::move(certificate).error();
            if (code != ErrorCode::CardMalformed && code != ErrorCode::CardNotUsable) {
                return problem;  // the card is gone or dead: nothing more to read
            }
        } else if (certificate->has_value()) {
            have_reference = have_reference || !cached_.empty();
            certificates_.push_back(std::move(**certificate));
        }
    }
    if (certificates_.empty()) {
        return problem;
    }
    if (!have_reference) {
        auto reference = read_pin_reference(deadline);
        if (!reference) {
            return std::move(reference).error();
        }
        pin_reference_ = *reference;
    }
    auto tries = ask_tries(deadline);
    if (!tries) {
        return std::move(tries).error();
    }
    tries_ = *tries;
    tries_known_ = true;
    return {};
}

// SP 800-73-4 part 2 section 3.1.2. Empty: the card has no such object.
Result<std::optional<Bytes>> PivCard::read_object(std::uint32_t tag, Deadline deadline) {
    Bytes data;
    const std::size_t limit = tag == kDiscoveryObject ? kMaxSmallObject : kMaxCardObject;
    auto response = dialog_.send(get_data(data, tag, limit), deadline);
    if (!response) {
        return std::move(response).error();
    }
    if (response->status == sw::kSecurityStatus) {
        return Error(ErrorCode::CardNotUsable, "the card does not let this object be read");
    }
    if (response->status != sw::kDone) {
        return std::optional<Bytes>();
    }
    return std::optional<Bytes>(std::move(response->data));
}

Result<PinReference> PivCard::read_pin_reference(Deadline deadline) {
    auto object = read_object(kDiscoveryObject, deadline);
    if (!object && object.code() != ErrorCode::CardNotUsable) {
        return std::move(object).error();
    }
    if (!object || !object->has_value()) {
        return PinReference::Application;  // no discovery object: only the application PIN
    }
    return pin_from_discovery(**object);
}

Result<std::optional<CacheEntry>> PivCard::look_up(const PivSlot& slot, Deadline deadline) {
    Bytes data;
    auto first = dialog_.send_for_first_part(get_data(data, slot.object, kMaxCardObject), deadline);
    if (!first) {
        return std::move(first).error();
    }
    const bool more = (first->status & 0xFF00U) == 0x6100U;
    if (!more && first->status != sw::kDone) {
        return std::optional<CacheEntry>();
    }
    return cache_.find(link_->atr(), first->data);
}

Result<std::optional<CardCertificate>> PivCard::read_certificate(const PivSlot& slot,
                                                                 Deadline deadline) {
    std::optional<Bytes> object;
    if (cache_.knows_kind(link_->atr())) {
        auto entry = look_up(slot, deadline);
        if (!entry) {
            return std::move(entry).error();
        }
        if (entry->has_value()) {
            object = std::move((*entry)->object);
            pin_reference_ = (*entry)->pin_reference;
            cached_.push_back((*entry)->name);
        }
    }
    if (!object.has_value()) {
        auto read = read_object(slot.object, deadline);
        if (!read) {
            return std::move(read).error();
        }
        if (!read->has_value()) {
            return std::optional<CardCertificate>();
        }
        object = std::move(*read);
        to_keep_.push_back(*object);
    }
    auto der = certificate_from_object(*object);
    if (!der) {
        return std::move(der).error();
    }
    if (!der->has_value()) {
        return std::optional<CardCertificate>();
    }
    return std::optional<CardCertificate>(CardCertificate{std::move(**der), slot_name(slot)});
}

Result<std::vector<CardCertificate>> PivCard::certificates(Deadline /*deadline*/) {
    if (!read_status_) {
        return read_status_.error();
    }
    return certificates_;
}

// SP 800-73-4 part 2 section 3.2.1: VERIFY without data asks for the counter. 9000 means that the PIN
// is verified already, by somebody else: that is taken away first.
Result<std::optional<int>> PivCard::ask_tries(Deadline deadline) {
    CommandApdu command;
    command.ins = kVerify;
    command.p2 = static_cast<std::uint8_t>(pin_reference_);
    auto response = dialog_.send(command, deadline);
    if (!response) {
        return std::move(response).error();
    }
    if (response->status == sw::kDone) {
        return tries_of_locked_card(deadline);
    }
    if (sw::is_counter(response->status)) {
        return std::optional<int>(response->status & 0x0F);
    }
    if (response->status == sw::kBlocked) {
        return std::optional<int>(0);
    }
    if (response->status == sw::kReferenceNotFound) {
        return Error(ErrorCode::CardNotUsable, "the card has no PIN of the kind that it names");
    }
    return std::optional<int>();
}

Result<std::optional<int>> PivCard::tries_of_locked_card(Deadline deadline) {
    if (Status s = link_->reset(deadline); !s) {
        return std::move(s).error();
    }
    if (Status s = select(deadline); !s) {
        return std::move(s).error();
    }
    CommandApdu command;
    command.ins = kVerify;
    command.p2 = static_cast<std::uint8_t>(pin_reference_);
    auto response = dialog_.send(command, deadline);
    if (!response) {
        return std::move(response).error();
    }
    if (response->status == sw::kDone) {
        return Error(ErrorCode::CardNotUsable,
                     "the card says that its PIN is verified although it was reset");
    }
    if (sw::is_counter(response->status)) {
        return std::optional<int>(response->status & 0x0F);
    }
    return response->status == sw::kBlocked ? std::optional<int>(0) : std::optional<int>();
}

Result<std::optional<int>> PivCard::pin_tries_left(Deadline deadline) {
    if (tries_known_) {
        return tries_;
    }
    auto transaction = CardTransaction::begin(*link_, deadline);
    if (!transaction) {
        return std::move(transaction).error();
    }
    if (Status s = select(deadline); !s) {
        return std::move(s).error();
    }
    auto tries = ask_tries(deadline);
    if (tries) {
        tries_ = *tries;
        tries_known_ = true;
    }
    return tries;
}

Result<std::string> PivCard::read_card_id(Deadline deadline) {
    auto transaction = CardTransaction::begin(*link_, deadline);
    if (!transaction) {
        return std::move(transaction).error();
    }
    if (Status s = select(deadline); !s) {
        return std::move(s).error();
    }
    // A CHUID is signed and long; the GUID is in its first octets.
    Bytes data;
    auto first =
        dialog_.send_for_first_part(get_data(data, kChuidObject, kMaxCardObject), deadline);
    if (!first) {
        return std::move(first).error();
    }
    if (first->data.empty()) {
        return std::string();
    }
    return guid_from_chuid(first->data);
}

// --- with the PIN ---------------------------------------------------------------------------------

// Begins the transaction that the PIN is used in and makes sure that PIV is what is selected. A card
// without extended length, that nobody else had when we came, is not selected again: every command
// counts there, and VERIFY tells when another application is selected after all.
Status PivCard::enter(Deadline deadline) {
    auto transaction = CardTransaction::begin(*link_, deadline);
    if (!transaction) {
        return std::move(transaction).error();
    }
    transaction_.emplace(std::move(*transaction));
    selected_by_assumption_ = transaction_->state() == CardState::AsBefore && !dialog_.extended() &&
                              !link_->shared_with_others() && tries_floor_ <= 0 && !info_.pin_pad;
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
    command.ins = kVerify;
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
    command.ins = kGeneralAuthenticate;
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
    const bool unblock = ins == kResetRetryCounter;
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
    return change_reference(kChangeReference, old_pin, new_pin, deadline);
}

Status PivCard::unblock_pin(const SecretBuffer& puk, const SecretBuffer& new_pin,
                            Deadline deadline) {
    if (Status s = check_pin_format(puk.view(), 6, kPinField); !s) {
        return s;
    }
    if (Status s = check_pin_format(new_pin.view(), info_.pin_min, info_.pin_max); !s) {
        return s;
    }
    return change_reference(kResetRetryCounter, puk, new_pin, deadline);
}

}  // namespace piv
