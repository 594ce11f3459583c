// The data objects of a PIV card (SP 800-73-4 part 1) taken apart. Pure functions over bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pki/base/bytes.h"
#include "pki/base/result.h"

namespace piv {

/// Largest data object that is read from a card, and largest certificate after decompression.
inline constexpr std::size_t kMaxCardObject = 16U * 1024;
inline constexpr std::size_t kMaxCardCertificate = 16U * 1024;

/// A key of the card with the certificate's data object (SP 800-73-4 part 1 tables 3 and 4b).
struct PivSlot {
    std::uint8_t key = 0;      // 9A, 9C, 9D, 9E, 82 to 95
    std::uint32_t object = 0;  // tag of the certificate's object, e.g. 5FC105
};

/// "9A", "9c", "82" ... Empty for anything that is not a slot with a certificate.
std::optional<PivSlot> slot_by_name(std::string_view name) noexcept;
std::string slot_name(const PivSlot& slot);

/// DER of the certificate in a data object as GET DATA returns it (tag 53). Empty: there is none.
/// Compressed certificates (CertInfo, SP 800-73-4 part 1 appendix A) are unpacked, to at most
/// kMaxCardCertificate. Tags may come in any order, 71, 72 and FE may be missing. Error: CardMalformed.
Result<std::optional<Bytes>> certificate_from_object(ByteView object);

/// Which PIN logs in (SP 800-73-4 part 1 section 3.3.2): key references 80 and 00.
enum class PinReference : std::uint8_t { Application = 0x80, Global = 0x00 };

/// From the discovery object (7E): Global only if the card says that it is the primary one.
/// Error: CardMalformed.
Result<PinReference> pin_from_discovery(ByteView object);

/// GUID of the CHUID (tag 34), lower-case hexadecimal, from the object or its first part; empty when
/// there is none. Error: CardMalformed.
Result<std::string> guid_from_chuid(ByteView object);

/// Lays a PIN out for VERIFY: 6 to 8 octets, FF after it (SP 800-73-4 part 2 section 2.4.3). Error:
/// PinFormat: wrong length, or octets that no PIN has (a control character, FF).
Status check_pin_format(ByteView pin, std::size_t minimum, std::size_t maximum);

}  // namespace piv
