#include "tests/card/piv_applet.h"

#include <algorithm>

#include "tests/card/tlv.h"

namespace piv::vcard {

namespace {

const Bytes kAid{0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00};
constexpr std::size_t kShortestAid = 5;  // the RID: clients select by it too
constexpr std::size_t kPinField = 8;
constexpr std::size_t kMaxChain = 4096;
constexpr std::uint8_t kGlobalPin = 0x00;
constexpr std::uint8_t kApplicationPin = 0x80;
constexpr std::uint8_t kPuk = 0x81;

enum Instruction : std::uint8_t {
    kVerify = 0x20,
    kChangeReference = 0x24,
    kResetRetry = 0x2C,
    kGenerateKey = 0x47,
    kGeneralAuthenticate = 0x87,
    kSelect = 0xA4,
    kGetResponse = 0xC0,
    kGetData = 0xCB,
    kPutData = 0xDB,
    kYubicoSerial = 0xF8,
    kYubicoVersion = 0xFD,
};

Bytes padded(std::string_view text) {
    Bytes out(text.begin(), text.end());
    out.resize(kPinField, 0xFF);
    return out;
}

// SP 800-73-4 part 2, 2.4.3: digits, 6 to 8 of them, the rest FF.
bool pin_format_good(ByteView field) noexcept {
    if (field.size() != kPinField) {
        return false;
    }
    std::size_t digits = 0;
    while (digits < kPinField && field[digits] >= '0' && field[digits] <= '9') {
        ++digits;
    }
    return digits >= 6 && std::all_of(field.begin() + digits, field.end(),
                                      [](std::uint8_t b) { return b == 0xFF; });
}

// Application property template, SP 800-73-4 part 2 table 3.
Bytes property_template() {
    const Bytes pix{0x00, 0x00, 0x10, 0x00, 0x01, 0x00};
    const Bytes rid{0xA0, 0x00, 0x00, 0x03, 0x08};
    const std::string_view label = "PIV lab card";
    return tlv(0x61,
               concat({tlv(0x4F, pix), tlv(0x79, tlv(0x4F, rid)), tlv(0x50, ByteView(label))}));
}

}  // namespace

Secret::Secret(const std::string& value, int tries)
    : value_(padded(value)), tries_(tries), left_(tries) {}

std::uint16_t Secret::status() const noexcept {
    if (left_ <= 0) {
        return sw::kBlocked;
    }
    return static_cast<std::uint16_t>(sw::kTriesLeft | std::min(left_, 15));
}

std::uint16_t Secret::verify(ByteView field) {
    if (left_ <= 0) {
        return sw::kBlocked;
    }
    if (field == ByteView(value_)) {
        left_ = tries_;
        return sw::kOk;
    }
    --left_;
    return left_ <= 0 ? sw::kTriesLeft : status();
}

void Secret::change(ByteView field) {
    value_ = field.copy();
    left_ = tries_;
}

PivApplet::PivApplet(CardProfile profile)
    : profile_(std::move(profile)),
      pin_(profile_.pin, profile_.tries),
      global_pin_(profile_.global_pin, profile_.tries),
      puk_(profile_.puk, profile_.puk_tries) {
    reset();
    counters_.clear();
}

void PivApplet::reset() noexcept {
    selected_ = profile_.default_selected;
    verified_ = just_verified_ = chaining_ = false;
    chain_.clear();
    pending_.clear();
    ++counters_.resets;
}

Bytes PivApplet::transmit(ByteView raw) {
    ++counters_.apdus;
    counters_.bytes_in += raw.size();
    Command command;
    Response response(sw::kWrongLength);
    if (parse_command(raw, command) && (profile_.extended || !command.extended)) {
        response = process(command);
    }
    Bytes out = response.encode();
    counters_.bytes_out += out.size();
    return out;
}

Response PivApplet::process(const Command& command) {
    // ISO/IEC 7816-4, 5.4.1: this card has one channel and no secure messaging.
    if ((command.cla & 0x0C) != 0) {
        return sw::kSecureMessaging;
    }
    if ((command.cla & 0x03) != 0) {
        return sw::kChannel;
    }
    if ((command.cla & 0xE0) != 0) {
        return sw::kClass;
    }
    if (command.ins == kGetResponse) {
        return get_response(command);
    }
    pending_.clear();
    return assemble(command);
}

// ISO/IEC 7816-4, 5.3.3: command chaining.
Response PivApplet::assemble(const Command& command) {
    const std::uint8_t header[3] = {command.ins, command.p1, command.p2};
    if (chaining_ && !std::equal(header, header + 3, chain_header_)) {
        chaining_ = false;  // another command ends an unfinished chain
        chain_.clear();
    }
    if (!command.chained() && !chaining_) {
        return dispatch(command);
    }
    std::copy(header, header + 3, chain_header_);
    chaining_ = true;
    if (chain_.size() + command.data.size() > kMaxChain) {
        chaining_ = false;
        chain_.clear();
        return sw::kWrongLength;
    }
    chain_.insert(chain_.end(), command.data.begin(), command.data.end());
    if (command.chained()) {
        return sw::kOk;
    }
    const Bytes whole = std::move(chain_);
    chain_.clear();
    chaining_ = false;
    Command joined = command;
    joined.data = whole;
    return dispatch(joined);
}

Response PivApplet::dispatch(const Command& command) {
    const bool pin_was_just_verified = just_verified_;
    just_verified_ = false;
    if (command.ins == kSelect) {
        return select(command);
    }
    if (!selected_) {
        return sw::kInstruction;
    }
    switch (command.ins) {
        case kGetData:
            return get_data(command);
        case kVerify:
            return verify(command);
        case kChangeReference:
            return change_reference(command);
        case kResetRetry:
            return reset_retry_counter(command);
        case kGeneralAuthenticate:
            return general_authenticate(command, pin_was_just_verified);
        case kPutData:
        case kGenerateKey:
            return sw::kSecurityStatus;  // needs the card management key, which nobody has here
        case kYubicoVersion:
            return profile_.yubikey ? reply({5, 4, 3}, command) : Response(sw::kInstruction);
        case kYubicoSerial:
            return profile_.yubikey ? reply({0x00, 0xBC, 0x61, 0x4E}, command)
                                    : Response(sw::kInstruction);
        default:
            return sw::kInstruction;
    }
}

// ISO/IEC 7816-4, 5.3.4: as much as Le allows; the rest waits for GET RESPONSE.
Response PivApplet::reply(Bytes data, const Command& command) {
    const std::size_t limit = command.le == 0 ? 256 : command.le;
    if (data.size() <= limit) {
        return {std::move(data), sw::kOk};
    }
    pending_.assign(data.begin() + static_cast<std::ptrdiff_t>(limit), data.end());
    data.resize(limit);
    const auto more = static_cast<std::uint16_t>(pending_.size() > 255 ? 0 : pending_.size());
    return {std::move(data), static_cast<std::uint16_t>(sw::kMoreData | more)};
}

Response PivApplet::get_response(const Command& command) {
    ++counters_.get_response;
    if (pending_.empty()) {
        return sw::kConditions;
    }
    Bytes data;
    data.swap(pending_);
    return reply(std::move(data), command);
}

// SP 800-73-4 part 2, 3.1.1. Another application's name leaves this one selected.
Response PivApplet::select(const Command& command) {
    ++counters_.selects;
    if (command.p1 != 0x04 || (command.p2 != 0x00 && command.p2 != 0x0C)) {
        return sw::kWrongP1P2;
    }
    const ByteView name = command.data;
    if (name.size() < kShortestAid || name.size() > kAid.size() ||
        name != ByteView(kAid).sub(0, name.size())) {
        return sw::kNotFound;
    }
    selected_ = true;
    return reply(command.p2 == 0x0C ? Bytes{} : property_template(), command);
}

// SP 800-73-4 part 2, 3.1.2.
Response PivApplet::get_data(const Command& command) {
    ++counters_.get_data;
    if (command.p1 != 0x3F || command.p2 != 0xFF) {
        return sw::kWrongP1P2;
    }
    ByteView rest = command.data;
    Tlv tag_list;
    if (!take_tlv(rest, tag_list) || !rest.empty() || tag_list.tag != 0x5C ||
        tag_list.value.empty() || tag_list.value.size() > 3) {
        return sw::kWrongData;
    }
    std::uint32_t tag = 0;
    for (const std::uint8_t byte : tag_list.value) {
        tag = tag << 8 | byte;
    }
    const auto object = profile_.objects.find(tag);
    if (object == profile_.objects.end()) {
        return sw::kNotFound;
    }
    if (profile_.pin_gated.count(tag) != 0 && !verified_) {
        return sw::kSecurityStatus;
    }
    return reply(object->second, command);
}

Secret* PivApplet::pin_by_reference(std::uint8_t reference) noexcept {
    if (reference == kApplicationPin) {
        return &pin_;
    }
    if (reference == kGlobalPin && !profile_.global_pin.empty()) {
        return &global_pin_;
    }
    return nullptr;
}

// SP 800-73-4 part 2, 3.2.1.
Response PivApplet::verify(const Command& command) {
    Secret* const secret = pin_by_reference(command.p2);
    if (secret == nullptr) {
        return sw::kReferenceNotFound;
    }
    if (command.p1 == 0xFF && command.data.empty()) {
        verified_ = false;
        return sw::kOk;
    }
    if (command.p1 != 0x00) {
        return sw::kWrongP1P2;
    }
    if (command.data.empty()) {
        ++counters_.tries_queries;
        return verified_ ? sw::kOk : secret->status();
    }
    ++counters_.verify;
    if (!pin_format_good(command.data)) {
        return sw::kWrongData;
    }
    const int before = secret->left();
    const std::uint16_t result = secret->verify(command.data);
    if (secret->left() < before) {
        counters_.wrong();
    }
    verified_ = just_verified_ = result == sw::kOk;
    return result;
}

// SP 800-73-4 part 2, 3.2.2: old and new value, each padded to 8 bytes.
Response PivApplet::change_reference(const Command& command) {
    Secret* const secret = command.p2 == kPuk ? &puk_ : pin_by_reference(command.p2);
    if (secret == nullptr) {
        return sw::kReferenceNotFound;
    }
    if (command.p1 != 0x00) {
        return sw::kWrongP1P2;
    }
    const ByteView old_value = command.data.sub(0, kPinField);
    const ByteView new_value = command.data.sub(kPinField);
    if (command.data.size() != 2 * kPinField ||
        (command.p2 != kPuk && !pin_format_good(new_value))) {
        return sw::kWrongData;
    }
    const int before = secret->left();
    const std::uint16_t result = secret->verify(old_value);
    if (secret->left() < before) {
        counters_.wrong();
    }
    if (result == sw::kOk) {
        secret->change(new_value);
        ++counters_.pin_changes;
    }
    if (command.p2 != kPuk) {
        verified_ = result == sw::kOk;
    }
    return result;
}

// SP 800-73-4 part 2, 3.2.3: PUK and new PIN. Only the application PIN has one.
Response PivApplet::reset_retry_counter(const Command& command) {
    if (command.p2 != kApplicationPin) {
        return sw::kReferenceNotFound;
    }
    if (command.p1 != 0x00) {
        return sw::kWrongP1P2;
    }
    const ByteView new_value = command.data.sub(kPinField);
    if (command.data.size() != 2 * kPinField || !pin_format_good(new_value)) {
        return sw::kWrongData;
    }
    const std::uint16_t result = puk_.verify(command.data.sub(0, kPinField));
    if (result == sw::kOk) {
        pin_.change(new_value);
        ++counters_.pin_changes;
    }
    return result;
}

}  // namespace piv::vcard
