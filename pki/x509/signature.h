// Signatures over certificates and CRLs: an allowlist of algorithms.
#pragma once

#include "pki/base/bytes.h"
#include "pki/base/result.h"
#include "pki/x509/openssl_ptr.h"

namespace piv {

struct SignaturePolicy {
    bool insecurely_allow_sha1 = false;
    bool insecurely_allow_dsa = false;  // with SHA-1 too: nothing else was ever in use
    int min_rsa_bits = 2048;
};

/// The DER contents of the algorithm's parameters are kept apart from the key's use: this only says
/// whether the key is of a kind and size that we take. Error: WeakKey.
Status check_key_strength(EVP_PKEY* key, const SignaturePolicy& policy);

/// Verifies `signature` over `data` with `key`. `algorithm` is a whole AlgorithmIdentifier in DER.
/// Errors: WeakSignature (MD2, MD4, MD5, SHA-1), CertSignatureBad.
/// `used` (may be nullptr) is told of each part of `data` that has been read, for data in a mapping.
Status verify_signature(ByteView data, ByteView algorithm, ByteView signature, EVP_PKEY* key,
                        const SignaturePolicy& policy, void (*used)(ByteView) = nullptr);
/// The verdict on the algorithm alone, without a key. Errors as above.
Status check_signature_algorithm(ByteView algorithm, const SignaturePolicy& policy);

}  // namespace piv
