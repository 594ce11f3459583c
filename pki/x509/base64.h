// Base64 (RFC 4648 section 4), strict but for blanks and line ends.
#pragma once

#include <string>
#include <string_view>

#include "pki/base/bytes.h"

namespace piv {

/// Blanks and line ends are skipped; anything else outside the alphabet, padding that is missing,
/// early or too much, and bits behind the padding are refused; then `out` is empty.
bool base64_decode(std::string_view text, Bytes& out);
/// One line, padded.
std::string base64_encode(ByteView data);

}  // namespace piv
