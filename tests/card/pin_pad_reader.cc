// A reader with a PIN pad, for pcscd: everything but the pad is the driver vpcd, which this one loads.
// Features VERIFY_PIN_DIRECT and MODIFY_PIN_DIRECT of PC/SC part 10. "Keys" are pressed by lines in a
// file: digits, or CANCEL, or TIMEOUT. From pcscd's environment: READER_DRIVER, the path of vpcd;
// PINPAD_KEYS, that file, whose first line is used up by each entry; PINPAD_LOG, one line for each
// request as it came, without a PIN. For tests only.
#include <reader.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "tests/card/around_vpcd.h"

namespace {

using piv::Bytes;
using piv::test::forward;

constexpr DWORD kVerifyControl = SCARD_CTL_CODE(0x330000 + FEATURE_VERIFY_PIN_DIRECT);
constexpr DWORD kModifyControl = SCARD_CTL_CODE(0x330000 + FEATURE_MODIFY_PIN_DIRECT);

const char* setting(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// The next "keys", and the rest stays for the next time. Nothing there: nobody is at the reader.
std::string pressed_keys() {
    std::ifstream in(setting("PINPAD_KEYS"));
    std::string first;
    std::string rest;
    std::string line;
    if (!std::getline(in, first)) {
        return "TIMEOUT";
    }
    while (std::getline(in, line)) {
        rest += line + "\n";
    }
    in.close();
    std::ofstream(setting("PINPAD_KEYS"), std::ios::trunc) << rest;
    return first;
}

Bytes status(std::uint16_t code) {
    return {static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code & 0xFF)};
}

// One entry into the template, ASCII, left-justified, in a block of 8. The reader's status word when
// it comes to nothing: PC/SC part 10, 2.5.2.
std::uint16_t enter(std::uint16_t digits_range, Bytes& apdu, std::size_t at, std::string& typed) {
    typed = pressed_keys();
    if (typed == "TIMEOUT") {
        return 0x6400;
    }
    if (typed == "CANCEL") {
        return 0x6401;
    }
    const std::size_t least = digits_range >> 8;
    const std::size_t most = digits_range & 0xFF;
    if (typed.size() < least || typed.size() > most || typed.size() > 8 ||
        typed.find_first_not_of("0123456789") != std::string::npos) {
        return 0x6403;
    }
    if (at + typed.size() > apdu.size()) {
        return 0x6B80;
    }
    std::memcpy(apdu.data() + at, typed.data(), typed.size());
    return 0;
}

Bytes to_card(DWORD lun, Bytes apdu) {
    SCARD_IO_HEADER send{1, sizeof(SCARD_IO_HEADER)};
    SCARD_IO_HEADER receive{1, sizeof(SCARD_IO_HEADER)};
    Bytes answer(258);
    DWORD size = answer.size();
    const RESPONSECODE code = forward<decltype(IFDHTransmitToICC)>(
        "IFDHTransmitToICC", lun, send, apdu.data(), static_cast<DWORD>(apdu.size()), answer.data(),
        &size, &receive);
    if (code != IFD_SUCCESS) {
        return {};
    }
    answer.resize(size);
    return answer;
}

// Formats that this pad knows: ASCII, left-justified, byte units, from the first byte of a block of 8.
bool format_known(std::uint8_t format, std::uint8_t block) {
    return format == 0x82 && block == 0x08;
}

Bytes verify(DWORD lun, const Bytes& request) {
    constexpr std::size_t head = sizeof(PIN_VERIFY_STRUCTURE);
    PIN_VERIFY_STRUCTURE pin{};
    if (request.size() < head) {
        return status(0x6B80);
    }
    std::memcpy(&pin, request.data(), head);
    Bytes apdu(request.begin() + head, request.end());
    if (pin.ulDataLength != apdu.size() || apdu.size() != 13 || apdu[1] != 0x20 || apdu[4] != 8 ||
        !format_known(pin.bmFormatString, pin.bmPINBlockString)) {
        return status(0x6B80);
    }
    std::string typed;
    const std::uint16_t refused = enter(pin.wPINMaxExtraDigit, apdu, 5, typed);
    return refused != 0 ? status(refused) : to_card(lun, apdu);
}

Bytes modify(DWORD lun, const Bytes& request) {
    constexpr std::size_t head = sizeof(PIN_MODIFY_STRUCTURE);
    PIN_MODIFY_STRUCTURE pin{};
    if (request.size() < head) {
        return status(0x6B80);
    }
    std::memcpy(&pin, request.data(), head);
    Bytes apdu(request.begin() + head, request.end());
    if (pin.ulDataLength != apdu.size() || apdu.size() != 21 || apdu[4] != 16 ||
        !format_known(pin.bmFormatString, pin.bmPINBlockString)) {
        return status(0x6B80);
    }
    std::string old_pin;
    std::string new_pin;
    std::uint16_t refused = 0;
    if ((pin.bConfirmPIN & 0x02) != 0) {
        refused = enter(pin.wPINMaxExtraDigit, apdu, 5U + pin.bInsertionOffsetOld, old_pin);
    }
    if (refused == 0) {
        refused = enter(pin.wPINMaxExtraDigit, apdu, 5U + pin.bInsertionOffsetNew, new_pin);
    }
    if (refused == 0 && (pin.bConfirmPIN & 0x01) != 0) {
        std::string again;
        Bytes unused = apdu;
        refused = enter(pin.wPINMaxExtraDigit, unused, 5U + pin.bInsertionOffsetNew, again);
        if (refused == 0 && again != new_pin) {
            refused = 0x6402;
        }
    }
    return refused != 0 ? status(refused) : to_card(lun, apdu);
}

// A list of tag, length, control code (big-endian): PC/SC part 10, 2.2.
Bytes features() {
    Bytes out;
    for (const auto& [tag, code] :
         {std::pair<std::uint8_t, DWORD>{FEATURE_VERIFY_PIN_DIRECT, kVerifyControl},
          {FEATURE_MODIFY_PIN_DIRECT, kModifyControl}}) {
        out.push_back(tag);
        out.push_back(4);
        for (int shift = 24; shift >= 0; shift -= 8) {
            out.push_back(static_cast<std::uint8_t>(code >> shift & 0xFF));
        }
    }
    return out;
}

void log_request(const char* what, const Bytes& request, const Bytes& answer) {
    std::FILE* const file = std::fopen(setting("PINPAD_LOG"), "a");
    if (file != nullptr) {
        const piv::ByteView end =
            piv::ByteView(answer).sub(answer.size() < 2 ? 0 : answer.size() - 2);
        (void)std::fprintf(file, "%s %s -> %s\n", what, piv::to_hex(request).c_str(),
                           piv::to_hex(end).c_str());
        (void)std::fclose(file);
    }
}

}  // namespace

PIV_DRIVER RESPONSECODE IFDHControl(DWORD lun, DWORD code, PUCHAR in, DWORD in_size, PUCHAR out,
                                    DWORD out_size, LPDWORD returned) {
    const Bytes request(in, in + in_size);
    Bytes answer;
    if (code == CM_IOCTL_GET_FEATURE_REQUEST) {
        answer = features();
    } else if (code == kVerifyControl) {
        answer = verify(lun, request);
        log_request("verify", request, answer);
    } else if (code == kModifyControl) {
        answer = modify(lun, request);
        log_request("modify", request, answer);
    } else {
        return IFD_ERROR_NOT_SUPPORTED;
    }
    if (answer.empty() || answer.size() > out_size) {
        return IFD_COMMUNICATION_ERROR;
    }
    std::memcpy(out, answer.data(), answer.size());
    *returned = answer.size();
    return IFD_SUCCESS;
}

PIV_DRIVER RESPONSECODE IFDHICCPresence(DWORD lun) {
    return forward<decltype(IFDHICCPresence)>("IFDHICCPresence", lun);
}
