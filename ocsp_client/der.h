// A strict reader of DER (X.690 section 10): definite minimal lengths, low tag numbers, nothing
// after the end. Views only: no allocation, no copies.
#pragma once

#include <cstdint>
#include <optional>

#include "pki/base/bytes.h"
#include "pki/base/time.h"

namespace piv {

namespace tag {
inline constexpr std::uint8_t kBoolean = 0x01;
inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kNull = 0x05;
inline constexpr std::uint8_t kOid = 0x06;
inline constexpr std::uint8_t kEnumerated = 0x0a;
inline constexpr std::uint8_t kGeneralizedTime = 0x18;
inline constexpr std::uint8_t kSequence = 0x30;
/// [n], constructed (EXPLICIT, or IMPLICIT over a constructed type).
constexpr std::uint8_t context(std::uint8_t n) noexcept {
    return static_cast<std::uint8_t>(0xa0U | n);
}
/// [n] IMPLICIT over a primitive type.
constexpr std::uint8_t context_primitive(std::uint8_t n) noexcept {
    return static_cast<std::uint8_t>(0x80U | n);
}
}  // namespace tag

struct DerElement {
    std::uint8_t tag = 0;
    ByteView content;
    ByteView whole;  // tag and length included
};

class DerReader {
  public:
    explicit DerReader(ByteView input) noexcept : rest_(input) {}

    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
    /// The tag of the next element, 0 at the end.
    [[nodiscard]] std::uint8_t next_tag() const noexcept { return rest_.empty() ? 0 : rest_[0]; }
    /// The next element whatever its tag; nothing when it is not DER.
    std::optional<DerElement> any() noexcept;
    /// The next element if its tag is `tag`, else nothing, and the reader stays.
    std::optional<DerElement> read(std::uint8_t tag) noexcept;

  private:
    ByteView rest_;
};

/// The only element of `input`, with that tag and nothing after it.
std::optional<DerElement> der_single(ByteView input, std::uint8_t tag) noexcept;

/// Walks the whole tree: lengths, and the DER forms of BOOLEAN, INTEGER, ENUMERATED, BIT STRING,
/// NULL, OBJECT IDENTIFIER and of strings, which may not be constructed. At most `max_depth`
/// levels.
bool der_well_formed(ByteView input, int max_depth = 32) noexcept;

/// Content of an INTEGER or ENUMERATED: not empty, no superfluous leading octet.
bool der_integer_minimal(ByteView content) noexcept;
/// Content of an OBJECT IDENTIFIER: whole base-128 numbers, none padded.
bool der_oid_valid(ByteView content) noexcept;

/// RFC 5280 section 4.1.2.5.2: YYYYMMDDHHMMSSZ, a time that exists.
std::optional<UnixTime> parse_generalized_time(ByteView content) noexcept;

/// Encoding: appends tag, minimal length and content.
void der_append(Bytes& out, std::uint8_t tag, ByteView content);
Bytes der_wrap(std::uint8_t tag, ByteView content);

}  // namespace piv
