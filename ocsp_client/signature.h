// Signatures over bytes as they stand in a message: never decoded and encoded again.
#pragma once

#include "pki/base/bytes.h"
#include "pki/base/result.h"

#include <openssl/evp.h>

namespace piv {

/// Whether `algorithm` (an AlgorithmIdentifier in DER) is one that we take: RSA PKCS#1 v1.5 and PSS
/// and ECDSA with SHA-1 (RFC 6960 section 4.3) or SHA-2, Ed25519, Ed448; parameters in the form of
/// RFC 4055, 5758 and 8410. Errors: OcspSignatureWeak (MD5 and others), OcspMalformed.
Status check_signature_algorithm(ByteView algorithm);

/// Verifies `signature` over the DER SEQUENCE `signed_bytes`. Checks the algorithm first.
/// Errors: as above, and OcspSignatureBad.
Status verify_signature(ByteView signed_bytes, ByteView algorithm, ByteView signature,
                        EVP_PKEY* key);

}  // namespace piv
