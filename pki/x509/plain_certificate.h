// Whether octets are a certificate of the plain kind, without decoding its public key: what libcrypto
// spends nine tenths of its time on when it reads a certificate.
#pragma once

#include "pki/base/bytes.h"

namespace piv {

/// True: `der` is exactly one certificate (RFC 5280 section 4.1) in strict DER, of forms that nearly
/// all certificates have, and Certificate::from_der accepts it. False says nothing: ask from_der.
/// It does not look into extensions, keys or signatures, as from_der does not refuse any for those.
bool is_plain_certificate(ByteView der);

}  // namespace piv
