// Signatures over certificates and CRLs: an allowlist of algorithms, and the key of an issuer with
// DSA parameters inherited along the path.
#pragma once

#include <memory>
#include <string>

#include "pki/base/bytes.h"
#include "pki/base/result.h"
#include "pki/x509/openssl_ptr.h"

namespace piv {

/// A public key shared along a path.
using SharedKey = std::shared_ptr<EVP_PKEY>;

struct SignaturePolicy {
    bool insecurely_allow_sha1 = false;
    bool insecurely_allow_dsa = false;  // with SHA-1 too: nothing else was ever in use
    int min_rsa_bits = 2048;
};

/// Decodes a SubjectPublicKeyInfo. A DSA key without parameters takes them from `issuer_key` (RFC
/// 5280 section 6.1.4 (d) to (f)). nullptr if unusable.
SharedKey decode_public_key(ByteView spki, EVP_PKEY* issuer_key);
/// The DER contents of the algorithm's parameters are kept apart from the key's use: this only says
/// whether the key is of a kind and size that we take. Error: WeakKey.
Status check_key_strength(EVP_PKEY* key, const SignaturePolicy& policy);
/// RSA 2048, P-256, ...
std::string describe_key(EVP_PKEY* key);

/// Verifies `signature` over `data` with `key`. `algorithm` is a whole AlgorithmIdentifier in DER.
/// Errors: WeakSignature (MD2, MD4, MD5, SHA-1), CertSignatureBad.
/// `used` (may be nullptr) is told of each part of `data` that has been read, for data in a mapping.
Status verify_signature(ByteView data, ByteView algorithm, ByteView signature, EVP_PKEY* key,
                        const SignaturePolicy& policy, void (*used)(ByteView) = nullptr);
/// The verdict on the algorithm alone, without a key. Errors as above.
Status check_signature_algorithm(ByteView algorithm, const SignaturePolicy& policy);

}  // namespace piv
