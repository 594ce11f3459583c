#include "pam_module/card/piv_card.h"

#include <algorithm>
#include <new>

#include "pam_module/card/atr.h"
#include "pam_module/card/piv_commands.h"
#include "pam_module/card/tlv.h"

namespace piv {

namespace {

// SP 800-73-4 part 1 section 2.2: the AID without its version, so that every version is selected.
constexpr std::uint8_t kPivAid[] = {0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00};
constexpr std::uint32_t kDiscoveryObject = 0x7E;
constexpr std::uint32_t kChuidObject = 0x5FC102;
constexpr std::size_t kMaxSmallObject = 256;
constexpr std::uint8_t kObjectTag = 0x53;  // SP 800-73-4 part 2 section 3.1.2

CommandApdu get_data(Bytes& data, std::uint32_t tag, std::size_t max_response) {
    data.clear();
    append_tlv_header(data, tag, 0);
    data.pop_back();  // the tag alone
    Bytes list;
    append_tlv(list, 0x5C, data);
    data = std::move(list);
    CommandApdu command;
    command.ins = ins::kGetData;
    command.p1 = 0x3F;
    command.p2 = 0xFF;
    command.data = data;
    command.wants_response = true;
    command.max_response = max_response;
    return command;
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
    if (Status found = card->find_application(deadline); !found) {
        return std::move(found).error();
    }
    card->read_status_ = card->read_all(deadline);
    return card;
}

// Some PIV cards have PIV selected after each reset. Cards of a kind that logged in here are asked for
// their certificate at once; what answers with a certificate's object is PIV. A kind that does not
// answer so is not asked that way again. Cards of unknown kinds are never sent a command that an
// application other than PIV might understand in its own way.
Status PivCard::find_application(Deadline deadline) {
    kind_known_ = cache_.knows_kind(link_->atr());
    if (kind_known_ && !cache_.needs_select(link_->atr())) {
        auto look = look_up(slots_.front(), deadline);
        if (!look) {
            return std::move(look).error();
        }
        if (look->is_object) {
            first_look_ = std::move(*look);
            return {};
        }
        if (look->refused) {
            cache_.keep_needs_select(link_->atr());
        }
    }
    return select(deadline);
}

// SP 800-73-4 part 2 section 3.1.1.
Status PivCard::select(Deadline deadline) {
    CommandApdu command;
    command.ins = ins::kSelect;
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
    selected_ = true;
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

// The object is optional, and a card that has it damaged still has its application PIN: what is wrong
// with it is no reason to refuse. Whether there is such a PIN the card says to the empty VERIFY.
Result<PinReference> PivCard::read_pin_reference(Deadline deadline) {
    auto object = read_object(kDiscoveryObject, deadline);
    if (!object && object.code() != ErrorCode::CardNotUsable &&
        object.code() != ErrorCode::CardMalformed) {
        return std::move(object).error();
    }
    if (!object || !object->has_value()) {
        return PinReference::Application;
    }
    auto reference = pin_from_discovery(**object);
    return reference ? *reference : PinReference::Application;
}

Result<PivCard::FirstLook> PivCard::look_up(const PivSlot& slot, Deadline deadline) {
    FirstLook look;
    if (first_look_) {
        look = std::move(*first_look_);
        first_look_.reset();
        return look;
    }
    Bytes data;
    auto first = dialog_.send_for_first_part(get_data(data, slot.object, kMaxCardObject), deadline);
    if (!first) {
        return std::move(first).error();
    }
    const bool more = (first->status & 0xFF00U) == 0x6100U;
    look.refused = !more && first->status != sw::kDone;
    if (!look.refused) {
        look.is_object = !first->data.empty() && first->data[0] == kObjectTag;
        look.entry = cache_.find(link_->atr(), first->data);
    }
    return look;
}

Result<std::optional<CardCertificate>> PivCard::read_certificate(const PivSlot& slot,
                                                                 Deadline deadline) {
    std::optional<Bytes> object;
    if (kind_known_) {
        auto look = look_up(slot, deadline);
        if (!look) {
            return std::move(look).error();
        }
        if (look->entry.has_value()) {
            object = std::move(look->entry->object);
            pin_reference_ = look->entry->pin_reference;
            cached_.push_back(look->entry->name);
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
    command.ins = ins::kVerify;
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
    command.ins = ins::kVerify;
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

}  // namespace piv
