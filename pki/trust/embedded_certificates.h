// Certificates inside other files: objects of cards, cached OCSP answers.
#pragma once

#include <vector>

#include "pki/x509/certificate.h"

namespace piv {

/// The first `limit` certificates that stand anywhere in the octets, in DER, outermost ones.
/// Unverified.
std::vector<Certificate> embedded_certificates(ByteView octets, std::size_t limit = 16);

}  // namespace piv
