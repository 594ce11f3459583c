// Instruction octets of the PIV card commands (SP 800-73-4 part 2).
#pragma once

#include <cstdint>

namespace piv {

namespace ins {
inline constexpr std::uint8_t kSelect = 0xA4;
inline constexpr std::uint8_t kGetData = 0xCB;
inline constexpr std::uint8_t kVerify = 0x20;
inline constexpr std::uint8_t kChangeReference = 0x24;
inline constexpr std::uint8_t kResetRetryCounter = 0x2C;
inline constexpr std::uint8_t kGeneralAuthenticate = 0x87;
}  // namespace ins

}  // namespace piv
