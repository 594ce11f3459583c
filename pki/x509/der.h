// A strict DER reader (X.690 sections 8 and 10): definite lengths in the shortest form, one octet
// tags. Views only; nothing is copied and nothing is allocated.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pki/base/bytes.h"
#include "pki/base/time.h"

namespace piv::der {

enum Tag : std::uint8_t {
    kBoolean = 0x01,
    kInteger = 0x02,
    kBitString = 0x03,
    kOctetString = 0x04,
    kNull = 0x05,
    kOid = 0x06,
    kEnumerated = 0x0A,
    kUtf8String = 0x0C,
    kNumericString = 0x12,
    kPrintableString = 0x13,
    kT61String = 0x14,
    kIa5String = 0x16,
    kUtcTime = 0x17,
    kGeneralizedTime = 0x18,
    kVisibleString = 0x1A,
    kUniversalString = 0x1C,
    kBmpString = 0x1E,
    kSequence = 0x30,
    kSet = 0x31,
};
/// [n] of a primitive and of a constructed type.
constexpr std::uint8_t context(unsigned n) noexcept {
    return static_cast<std::uint8_t>(0x80U | n);
}
constexpr std::uint8_t context_constructed(unsigned n) noexcept {
    return static_cast<std::uint8_t>(0xA0U | n);
}

struct Element {
    std::uint8_t tag = 0;
    ByteView value;  // the contents
    ByteView whole;  // with tag and length
};

/// Reads elements one after another. Every function fails without moving on.
class Reader {
  public:
    explicit Reader(ByteView input) noexcept : rest_(input) {}
    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
    [[nodiscard]] ByteView rest() const noexcept { return rest_; }
    /// The next tag, 0 at the end.
    [[nodiscard]] std::uint8_t peek() const noexcept { return rest_.empty() ? 0 : rest_[0]; }

    bool any(Element& out) noexcept {
        // Nearly all elements are shorter than 128 octets.
        if (rest_.size() >= 2 && rest_[1] < 0x80U && rest_[1] <= rest_.size() - 2 &&
            (rest_[0] & 0x1FU) != 0x1FU) {
            take(out, 2, rest_[1]);
            return true;
        }
        return any_length(out);
    }
    bool element(std::uint8_t tag, Element& out) noexcept { return peek() == tag && any(out); }
    bool read(std::uint8_t tag, ByteView& value) noexcept {
        Element e;
        if (!element(tag, e)) {
            return false;
        }
        value = e.value;
        return true;
    }
    /// True when the element is absent too; then `present` is false.
    bool optional(std::uint8_t tag, ByteView& value, bool& present) noexcept;

  private:
    bool any_length(Element& out) noexcept;
    void take(Element& out, std::size_t header, std::size_t length) noexcept {
        out.tag = rest_[0];
        out.value = {rest_.data() + header, length};
        out.whole = {rest_.data(), header + length};
        rest_ = {rest_.data() + header + length, rest_.size() - header - length};
    }
    ByteView rest_;
};

/// The whole of `input` is one element of that tag.
bool only(ByteView input, std::uint8_t tag, ByteView& value) noexcept;

/// BOOLEAN contents: exactly 00 or FF.
bool boolean(ByteView contents, bool& out) noexcept;
/// INTEGER contents: shortest form, not empty.
bool integer_is_valid(ByteView contents) noexcept;
/// A non-negative INTEGER; what does not fit is UINT32_MAX.
bool small_unsigned(ByteView contents, std::uint32_t& out) noexcept;
/// BIT STRING contents to octets and the number of unused bits, which must be zero bits.
bool bit_string(ByteView contents, ByteView& bits, unsigned& unused) noexcept;
/// The first 32 named bits of a BIT STRING, bit 0 of the standard as bit 0 here.
bool named_bits(ByteView contents, std::uint32_t& out) noexcept;
/// OBJECT IDENTIFIER contents to dotted decimal; empty if malformed.
std::string oid_text(ByteView contents);
/// RFC 5280 section 4.1.2.5: UTCTime YYMMDDHHMMSSZ (50 to 49) or GeneralizedTime YYYYMMDDHHMMSSZ.
std::optional<UnixTime> time(const Element& element) noexcept;

/// One element with `contents`.
Bytes encode(std::uint8_t tag, ByteView contents);
void append(Bytes& to, ByteView more);

}  // namespace piv::der
