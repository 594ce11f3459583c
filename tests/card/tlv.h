// BER-TLV for the virtual card: written on its own, so that the card and the code under test do not
// share a mistake.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "pki/base/bytes.h"

namespace piv::vcard {

/// Appends tag (1 to 3 bytes, most significant first), length and value.
void put_tlv(Bytes& out, std::uint32_t tag, ByteView value);
Bytes tlv(std::uint32_t tag, ByteView value);
Bytes concat(std::initializer_list<Bytes> parts);

struct Tlv {
    std::uint32_t tag = 0;
    ByteView value;
};
/// Takes one TLV off the front of `rest`; false when there is none or it does not fit.
bool take_tlv(ByteView& rest, Tlv& out) noexcept;

}  // namespace piv::vcard
