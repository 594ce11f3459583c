// BER-TLV as cards send it (ISO/IEC 7816-4 section 5.2.2): tags of one to three octets, definite
// lengths of up to four octets. Views into the caller's bytes: nothing is allocated on a card's word.
#pragma once

#include <cstdint>
#include <optional>

#include "pki/base/bytes.h"
#include "pki/base/result.h"

namespace piv {

struct Tlv {
    std::uint32_t tag = 0;  // all tag octets, e.g. 0x5F2F
    ByteView value;
};

/// Walks one level of data objects. Padding octets 00 and FF between objects (allowed by ISO/IEC
/// 7816-4) are skipped. Lengths in longer form than needed are taken: they are legal BER.
class TlvReader {
  public:
    explicit TlvReader(ByteView bytes) noexcept : rest_(bytes) {}
    /// The next object; empty at the end. Error: CardMalformed (cut short, indefinite or absurd).
    Result<std::optional<Tlv>> next();
    [[nodiscard]] ByteView rest() const noexcept { return rest_; }

  private:
    ByteView rest_;
};

/// The value of the only object with `tag` on this level; empty when there is none. Errors:
/// CardMalformed, also when the tag comes twice (which of the two would count?).
Result<std::optional<ByteView>> find_tlv(ByteView bytes, std::uint32_t tag);

/// Length of header and value that the first header of `bytes` announces; 0 when the header itself
/// is cut short or malformed.
std::size_t announced_tlv_size(ByteView bytes) noexcept;

/// Appends tag, shortest definite length and value.
void append_tlv(Bytes& out, std::uint32_t tag, ByteView value);
/// Appends tag and length only; `size` octets of value are for the caller to add.
void append_tlv_header(Bytes& out, std::uint32_t tag, std::size_t size);

}  // namespace piv
