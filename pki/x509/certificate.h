// Certificate: a decoded X.509 certificate, immutable and cheap to copy. TokenCertificate: bytes
// from a card that nobody has looked at yet.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "pki/base/result.h"
#include "pki/base/time.h"

namespace piv {

/// What a card, token or file gave: untrusted bytes and where they came from.
struct TokenCertificate {
    Bytes der;
    std::string origin;  // "9A", a PKCS#11 object id, or a file name; for messages only
};

struct CertificateFields;

class Certificate {
  public:
    /// Decodes exactly one DER certificate (RFC 5280 section 4.1); octets after its end are
    /// refused. Error: CertMalformed.
    static Result<Certificate> from_der(ByteView der);

    [[nodiscard]] ByteView der() const noexcept;
    /// libcrypto's form, decoded when first asked for. Borrowed, never nullptr; OpenSSL takes no
    /// const. Throws std::bad_alloc.
    [[nodiscard]] X509* native() const;
    [[nodiscard]] EVP_PKEY* public_key() const noexcept;  // borrowed; nullptr if unusable

    [[nodiscard]] std::string subject() const;  // RFC 4514, escaped by its rules
    [[nodiscard]] std::string issuer() const;
    [[nodiscard]] Bytes subject_der() const;  // canonical only in the sense of "as encoded"
    [[nodiscard]] Bytes issuer_der() const;
    [[nodiscard]] std::string serial_hex() const;  // lower case, no leading zero octets
    [[nodiscard]] UnixTime not_before() const noexcept;
    [[nodiscard]] UnixTime not_after() const noexcept;
    [[nodiscard]] const std::string& sha256_hex() const noexcept;  // of the DER
    [[nodiscard]] std::string spki_sha256_hex() const;  // of the SubjectPublicKeyInfo's DER
    [[nodiscard]] std::optional<Bytes> subject_key_id() const;
    [[nodiscard]] std::optional<Bytes> authority_key_id() const;
    [[nodiscard]] bool self_issued() const noexcept;     // RFC 5280 section 3.2
    [[nodiscard]] bool self_signed() const;              // self-issued, and its own key verifies it
    [[nodiscard]] bool is_ca() const noexcept;           // basicConstraints CA:TRUE
    [[nodiscard]] std::string key_description() const;   // "RSA 2048", "P-256", ...
    [[nodiscard]] std::vector<std::string> eku() const;  // dotted OIDs
    [[nodiscard]] std::vector<std::string> policies() const;  // dotted OIDs

    /// Every UPN otherName (1.3.6.1.4.1.311.20.2.3) of the subject alternative name that is a valid
    /// UTF8String. An otherName of that type with any other content makes it fail: UpnMalformed.
    [[nodiscard]] Result<std::vector<std::string>> upns() const;
    [[nodiscard]] std::vector<std::string> emails() const;  // rfc822Name of the SAN
    /// SID extension 1.3.6.1.4.1.311.25.2 (KB5014754), "S-1-5-...".
    [[nodiscard]] Result<std::optional<std::string>> sid() const;
    [[nodiscard]] std::vector<std::string> ocsp_urls() const;       // AIA id-ad-ocsp, in order
    [[nodiscard]] std::vector<std::string> ca_issuer_urls() const;  // AIA id-ad-caIssuers
    [[nodiscard]] std::vector<std::string> crl_urls() const;
    /// pivFASC-N otherName (FIPS 201-3, 25 octets) and the card UUID ("urn:uuid:..." URI, lower
    /// case, without the prefix) of the SAN.
    [[nodiscard]] std::optional<Bytes> fasc_n() const;
    [[nodiscard]] std::optional<std::string> card_uuid() const;

    /// The decoded fields, for code that judges certificates. Lives as long as a copy of this does.
    [[nodiscard]] const CertificateFields& fields() const noexcept;

  private:
    struct Data;
    explicit Certificate(std::shared_ptr<const Data> data);
    std::shared_ptr<const Data> data_;
};

}  // namespace piv
