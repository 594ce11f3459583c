// Public keys: decoding a SubjectPublicKeyInfo, and what kind of key it holds.
#pragma once

#include <memory>
#include <string>

#include "pki/base/bytes.h"
#include "pki/x509/openssl_ptr.h"

namespace piv {

/// A public key shared along a path.
using SharedKey = std::shared_ptr<EVP_PKEY>;

/// Decodes a SubjectPublicKeyInfo. A DSA key without parameters takes them from `issuer_key` (RFC
/// 5280 section 6.1.4 (d) to (f)). nullptr if unusable.
SharedKey decode_public_key(ByteView spki, EVP_PKEY* issuer_key);

/// An EC key on P-256, P-384 or P-521, given by the name of the curve (RFC 5480 section 2.1.1).
bool names_known_curve(EVP_PKEY* key);

/// RSA 2048, P-256, ...
std::string describe_key(EVP_PKEY* key);

}  // namespace piv
