// Command APDUs as ISO/IEC 7816-4 section 5 writes them: short and extended, all four cases.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pki/base/bytes.h"

namespace piv::vcard {

struct Command {
    std::uint8_t cla = 0;
    std::uint8_t ins = 0;
    std::uint8_t p1 = 0;
    std::uint8_t p2 = 0;
    ByteView data;
    std::size_t le = 0;  // bytes wanted at most; 0: no Le field
    bool extended = false;

    [[nodiscard]] bool chained() const noexcept { return (cla & 0x10) != 0; }
};

/// False when the lengths do not add up. `data` looks into `raw`.
bool parse_command(ByteView raw, Command& out) noexcept;

/// Status words of SP 800-73-4 part 2, section 3 (and ISO/IEC 7816-4).
namespace sw {
constexpr std::uint16_t kOk = 0x9000;
constexpr std::uint16_t kMoreData = 0x6100;
constexpr std::uint16_t kTriesLeft = 0x63C0;
constexpr std::uint16_t kWrongLength = 0x6700;
constexpr std::uint16_t kChannel = 0x6881;
constexpr std::uint16_t kSecureMessaging = 0x6882;
constexpr std::uint16_t kSecurityStatus = 0x6982;
constexpr std::uint16_t kBlocked = 0x6983;
constexpr std::uint16_t kConditions = 0x6985;
constexpr std::uint16_t kWrongData = 0x6A80;
constexpr std::uint16_t kNotFound = 0x6A82;
constexpr std::uint16_t kWrongP1P2 = 0x6A86;
constexpr std::uint16_t kReferenceNotFound = 0x6A88;
constexpr std::uint16_t kInstruction = 0x6D00;
constexpr std::uint16_t kClass = 0x6E00;
constexpr std::uint16_t kFailure = 0x6F00;
}  // namespace sw

struct Response {
    Bytes data;
    std::uint16_t status = sw::kFailure;

    Response() = default;
    Response(std::uint16_t code) : status(code) {}  // NOLINT(google-explicit-constructor)
    Response(Bytes bytes, std::uint16_t code) : data(std::move(bytes)), status(code) {}
    [[nodiscard]] Bytes encode() const;
};

}  // namespace piv::vcard
