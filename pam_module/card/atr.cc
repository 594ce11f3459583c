#include "pam_module/card/atr.h"

namespace piv {

// ISO/IEC 7816-3 section 8.2: TS, T0 (Y1 and the number K of historical bytes), then groups of
// interface bytes: Y says which of TA, TB, TC, TD are there, and TD has the Y of the next group.
ByteView historical_bytes(ByteView atr) noexcept {
    if (atr.size() < 2 || atr.size() > 33) {
        return {};
    }
    const std::size_t count = atr[1] & 0x0FU;
    std::size_t at = 2;
    unsigned present = atr[1] >> 4;
    while (present != 0) {
        for (unsigned bit = 0; bit < 3; ++bit) {
            at += (present >> bit) & 1U;
        }
        if ((present & 8U) == 0) {
            break;
        }
        if (at >= atr.size()) {
            return {};
        }
        present = atr[at++] >> 4;
    }
    if (at > atr.size() || atr.size() - at < count) {
        return {};
    }
    return atr.sub(at, count);
}

// ISO/IEC 7816-4 section 12.1.1: category indicator 00 (three status octets at the end) or 80, then
// COMPACT-TLV. Tag 7 has the card capabilities; its third octet has command chaining (80) and
// extended Lc and Le fields (40).
CardCapabilities capabilities_from_atr(ByteView atr) noexcept {
    CardCapabilities capabilities;
    ByteView rest = historical_bytes(atr);
    if (rest.empty() || (rest[0] != 0x00 && rest[0] != 0x80)) {
        return capabilities;
    }
    const std::size_t status = rest[0] == 0x00 ? 3 : 0;
    if (rest.size() < 1 + status) {
        return capabilities;
    }
    rest = rest.sub(1, rest.size() - 1 - status);
    while (!rest.empty()) {
        const unsigned tag = rest[0] >> 4;
        const std::size_t size = rest[0] & 0x0FU;
        if (rest.size() - 1 < size) {
            return capabilities;
        }
        if (tag == 7 && size >= 3) {
            capabilities.command_chaining = (rest[3] & 0x80U) != 0;
            capabilities.extended_length = (rest[3] & 0x40U) != 0;
        }
        rest = rest.sub(1 + size);
    }
    return capabilities;
}

}  // namespace piv
