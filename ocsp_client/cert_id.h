// CertID (RFC 6960 section 4.1.1): which certificate a question or an answer is about.
#pragma once

#include <optional>

#include "ocsp_client/der.h"
#include "pki/x509/certificate.h"

namespace piv {

enum class CertIdHash { Sha1, Sha224, Sha256, Sha384, Sha512 };

/// The content of the key's BIT STRING in a SubjectPublicKeyInfo, without the octet that counts unused bits.
std::optional<ByteView> public_key_bits(ByteView spki) noexcept;

/// The parts of a certificate and its issuer that a CertID is made of, taken once.
struct CertSubject {
    Certificate certificate;
    Certificate issuer;
    Bytes issuer_name;  // DER of the issuer's subject
    Bytes issuer_key;   // the BIT STRING's content of its subjectPublicKey, without unused bits
    Bytes serial;       // content octets of the certificate's serial number

    /// Error: CertMalformed when the certificate cannot be taken apart.
    static Result<CertSubject> make(Certificate certificate, Certificate issuer);
};

/// A CertID as it stands in a message; views into that message.
struct CertIdView {
    std::optional<CertIdHash> hash;  // nothing: an algorithm that is not understood
    ByteView name_hash;
    ByteView key_hash;
    ByteView serial;
};

/// Strict: nothing when the element is no CertID in DER.
std::optional<CertIdView> parse_cert_id(DerReader& reader) noexcept;

/// DER of the CertID of `subject`.
Bytes encode_cert_id(const CertSubject& subject, CertIdHash hash);

/// RFC 6960 section 3.2 (1): all four fields; the issuer is hashed again with the answer's
/// algorithm, whichever was asked with.
bool cert_id_matches(const CertIdView& id, const CertSubject& subject);
/// The same against the CertID of a request instead of a certificate: needs the same algorithm.
bool cert_id_equal(const CertIdView& a, const CertIdView& b) noexcept;

/// A digest by its OpenSSL name; empty on failure.
Bytes digest(const EVP_MD* md, ByteView input);
const EVP_MD* evp_of(CertIdHash hash) noexcept;

}  // namespace piv
