#include "pam_module/card/pin_pad.h"

namespace piv {

namespace {

constexpr std::uint8_t kFormatAscii = 0x82;     // octets, from offset 0, left-justified, ASCII
constexpr std::uint8_t kBlockOfEight = 0x08;    // no length field; the block has 8 octets
constexpr std::uint8_t kWhenKeyPressed = 0x02;  // validation key ends the entry
constexpr std::uint16_t kSixToEight = 0x0608;
constexpr std::uint16_t kEnglish = 0x0409;

void append_le16(Bytes& out, std::uint16_t value) {
    out.push_back(static_cast<std::uint8_t>(value));
    out.push_back(static_cast<std::uint8_t>(value >> 8));
}

// The command with FF for the digits, and its length before it.
void append_command(Bytes& out, std::uint8_t ins, std::uint8_t reference, std::uint8_t octets) {
    append_le16(out, static_cast<std::uint16_t>(5U + octets));
    append_le16(out, 0);
    const Bytes header{0x00, ins, 0x00, reference, octets};
    out.insert(out.end(), header.begin(), header.end());
    out.insert(out.end(), octets, 0xFF);
}

// PC/SC part 10 section 2.5.2: the card's status, or one of the reader's own.
Result<std::uint16_t> judge(const Result<Bytes>& answer) {
    if (!answer) {
        return answer.error();
    }
    if (answer->size() < 2) {
        return Error(ErrorCode::CardFailure, "the PIN pad's answer has no status");
    }
    const auto status = static_cast<std::uint16_t>((*answer)[answer->size() - 2] << 8 |
                                                   (*answer)[answer->size() - 1]);
    switch (status) {
        case 0x6400:
            return Error(ErrorCode::ConversationFailed, "no PIN was typed on the reader");
        case 0x6401:
            return Error(ErrorCode::ConversationFailed, "cancelled on the reader");
        case 0x6402:
            return Error(ErrorCode::PinNewRefused, "the two new PINs differ");
        case 0x6403:
            return Error(ErrorCode::PinFormat, "refused by the reader");
        case 0x6B80:
            return Error(ErrorCode::CardFailure, "the PIN pad does not take the request");
        default:
            return status;
    }
}

}  // namespace

// PIN_VERIFY_STRUCTURE, PC/SC part 10 section 2.5.2.
Bytes pin_verify_structure(std::uint8_t reference) {
    Bytes out{kPinPadSeconds, kPinPadSeconds, kFormatAscii, kBlockOfEight, 0x00};
    append_le16(out, kSixToEight);
    out.push_back(kWhenKeyPressed);
    out.push_back(0x01);  // one message
    append_le16(out, kEnglish);
    out.push_back(0x00);             // message 0
    out.insert(out.end(), 3, 0x00);  // TPDU prologue: not used
    append_command(out, 0x20, reference, 8);
    return out;
}

// PIN_MODIFY_STRUCTURE, PC/SC part 10 section 2.6.2.
Bytes pin_modify_structure(std::uint8_t ins, std::uint8_t reference) {
    Bytes out{kPinPadSeconds, kPinPadSeconds, kFormatAscii, kBlockOfEight, 0x00};
    out.push_back(0x00);  // the old PIN's offset
    out.push_back(0x08);  // the new PIN's offset
    append_le16(out, kSixToEight);
    out.push_back(0x03);  // ask for the old one too, and for the new one twice
    out.push_back(kWhenKeyPressed);
    out.push_back(0x03);  // three messages
    append_le16(out, kEnglish);
    out.insert(out.end(), {0x00, 0x01, 0x02});
    out.insert(out.end(), 3, 0x00);
    append_command(out, ins, reference, 16);
    return out;
}

Result<std::uint16_t> PinPad::verify(std::uint8_t reference, Deadline deadline) const {
    return judge(link_.control(link_.features().verify_pin_direct, pin_verify_structure(reference),
                               deadline));
}

Result<std::uint16_t> PinPad::change(std::uint8_t ins, std::uint8_t reference,
                                     Deadline deadline) const {
    return judge(link_.control(link_.features().modify_pin_direct,
                               pin_modify_structure(ins, reference), deadline));
}

}  // namespace piv
