// What a card says of itself in its answer to reset (ISO/IEC 7816-3 section 8, historical bytes of
// ISO/IEC 7816-4 section 12.1.1).
#pragma once

#include "pki/base/bytes.h"

namespace piv {

struct CardCapabilities {
    bool extended_length = false;  // extended Lc and Le fields
    bool command_chaining = false;
};

/// Reads the historical bytes. An ATR that is cut short, or has none, or says nothing: all false.
CardCapabilities capabilities_from_atr(ByteView atr) noexcept;

/// The historical bytes of an ATR; empty when there are none or it is cut short.
ByteView historical_bytes(ByteView atr) noexcept;

}  // namespace piv
