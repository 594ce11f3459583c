// DER as responses are read: the reader of pki/x509/der.h with answers that may be absent, and what
// OCSP asks for beyond it.
#pragma once

#include <cstdint>
#include <optional>

#include "pki/x509/der.h"

namespace piv {

using DerElement = der::Element;

class DerReader {
  public:
    explicit DerReader(ByteView input) noexcept : reader_(input) {}

    [[nodiscard]] bool empty() const noexcept { return reader_.at_end(); }
    /// The next element whatever its tag; nothing when it is not DER.
    std::optional<DerElement> any() noexcept;
    /// The next element if its tag is `tag`, else nothing, and the reader stays.
    std::optional<DerElement> read(std::uint8_t tag) noexcept;

  private:
    der::Reader reader_;
};

/// The only element of `input`, with that tag and nothing after it.
std::optional<DerElement> der_single(ByteView input, std::uint8_t tag) noexcept;

/// Walks the whole tree: lengths, and the DER forms of BOOLEAN, INTEGER, ENUMERATED, BIT STRING,
/// NULL, OBJECT IDENTIFIER and of strings, which may not be constructed. At most `max_depth`
/// levels.
bool der_well_formed(ByteView input, int max_depth = 32) noexcept;

/// Content of an OBJECT IDENTIFIER: whole base-128 numbers, none padded.
bool der_oid_valid(ByteView content) noexcept;

/// RFC 5280 section 4.1.2.5.2: YYYYMMDDHHMMSSZ, a time that exists.
std::optional<UnixTime> parse_generalized_time(ByteView content) noexcept;

/// Appends one element.
void der_append(Bytes& out, std::uint8_t tag, ByteView content);

}  // namespace piv
