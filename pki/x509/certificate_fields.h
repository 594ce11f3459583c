// The fields of a certificate, read by our own strict DER reader (RFC 5280 sections 4.1 and 4.2),
// for the code that judges certificates. Views into the certificate's bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pki/base/time.h"
#include "pki/x509/name.h"

namespace piv {

namespace oid {
inline constexpr char kSubjectKeyId[] = "2.5.29.14";
inline constexpr char kKeyUsage[] = "2.5.29.15";
inline constexpr char kSubjectAltName[] = "2.5.29.17";
inline constexpr char kIssuerAltName[] = "2.5.29.18";
inline constexpr char kBasicConstraints[] = "2.5.29.19";
inline constexpr char kCrlNumber[] = "2.5.29.20";
inline constexpr char kReasonCode[] = "2.5.29.21";
inline constexpr char kInvalidityDate[] = "2.5.29.24";
inline constexpr char kDeltaCrlIndicator[] = "2.5.29.27";
inline constexpr char kIssuingDistributionPoint[] = "2.5.29.28";
inline constexpr char kCertificateIssuer[] = "2.5.29.29";
inline constexpr char kNameConstraints[] = "2.5.29.30";
inline constexpr char kCrlDistributionPoints[] = "2.5.29.31";
inline constexpr char kCertificatePolicies[] = "2.5.29.32";
inline constexpr char kAnyPolicy[] = "2.5.29.32.0";
inline constexpr char kPolicyMappings[] = "2.5.29.33";
inline constexpr char kAuthorityKeyId[] = "2.5.29.35";
inline constexpr char kPolicyConstraints[] = "2.5.29.36";
inline constexpr char kExtendedKeyUsage[] = "2.5.29.37";
inline constexpr char kAnyExtendedKeyUsage[] = "2.5.29.37.0";
inline constexpr char kFreshestCrl[] = "2.5.29.46";
inline constexpr char kInhibitAnyPolicy[] = "2.5.29.54";
inline constexpr char kAuthorityInfoAccess[] = "1.3.6.1.5.5.7.1.1";
inline constexpr char kAdOcsp[] = "1.3.6.1.5.5.7.48.1";
inline constexpr char kAdCaIssuers[] = "1.3.6.1.5.5.7.48.2";
inline constexpr char kOcspNoCheck[] = "1.3.6.1.5.5.7.48.1.5";
inline constexpr char kServerAuth[] = "1.3.6.1.5.5.7.3.1";
inline constexpr char kClientAuth[] = "1.3.6.1.5.5.7.3.2";
inline constexpr char kSmartcardLogon[] = "1.3.6.1.4.1.311.20.2.2";
inline constexpr char kPkinitKdc[] = "1.3.6.1.5.2.3.5";
inline constexpr char kPivCardAuth[] = "2.16.840.1.101.3.6.8";
inline constexpr char kPivContentSigning[] = "2.16.840.1.101.3.6.7";
inline constexpr char kPivFascN[] = "2.16.840.1.101.3.6.6";
inline constexpr char kUpn[] = "1.3.6.1.4.1.311.20.2.3";
inline constexpr char kNtdsSecurity[] = "1.3.6.1.4.1.311.25.2";
inline constexpr char kNtdsObjectSid[] = "1.3.6.1.4.1.311.25.2.1";
inline constexpr char kEmailAddress[] = "1.2.840.113549.1.9.1";
}  // namespace oid

/// Bits of keyUsage, as named_bits() numbers them (RFC 5280 section 4.2.1.3).
enum KeyUsageBit : std::uint32_t {
    kDigitalSignature = 1U << 0U,
    kNonRepudiation = 1U << 1U,
    kKeyEncipherment = 1U << 2U,
    kKeyAgreement = 1U << 4U,
    kKeyCertSign = 1U << 5U,
    kCrlSign = 1U << 6U,
};

struct Extension {
    std::string id;
    bool critical = false;
    ByteView value;
};

/// Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension. False if malformed or one occurs twice.
bool read_extensions(ByteView sequence_contents, std::vector<Extension>& out);

struct BasicConstraints {
    bool ca = false;
    std::optional<std::uint32_t> path_length;
};
struct PolicyConstraints {
    std::optional<std::uint32_t> require_explicit_policy;
    std::optional<std::uint32_t> inhibit_policy_mapping;
};
struct PolicyMapping {
    std::string issuer_domain;
    std::string subject_domain;
};
struct GeneralSubtree {
    GeneralName base;
    bool plain_range = true;  // minimum 0, no maximum: all that RFC 5280 section 4.2.1.10 allows
};
struct NameConstraints {
    std::vector<GeneralSubtree> permitted;
    std::vector<GeneralSubtree> excluded;
};
/// DistributionPointName: at most one of the two.
struct DistributionPointName {
    std::vector<GeneralName> full_name;
    std::optional<ByteView> relative_name;  // contents of the RDN SET
};
struct DistributionPoint {
    std::optional<DistributionPointName> name;
    std::optional<std::uint32_t> reasons;  // bit n is ReasonFlags bit n
    std::vector<GeneralName> crl_issuer;
};
bool read_distribution_point_name(ByteView contents, DistributionPointName& out);
bool read_distribution_points(ByteView value, std::vector<DistributionPoint>& out);

struct CertificateFields {
    unsigned version = 1;                // 1, 2 or 3
    ByteView tbs;                        // whole element: what is signed
    ByteView serial;                     // INTEGER contents
    ByteView inner_algorithm;            // whole AlgorithmIdentifier
    ByteView outer_algorithm;            // whole AlgorithmIdentifier
    ByteView signature;                  // octets of the BIT STRING
    ByteView issuer;                     // whole Name
    ByteView subject;                    // whole Name
    ByteView spki;                       // whole SubjectPublicKeyInfo
    std::optional<UnixTime> not_before;  // absent: not in a form of RFC 5280
    std::optional<UnixTime> not_after;
    CanonicalName issuer_name;
    CanonicalName subject_name;
    std::vector<Extension> extensions;

    // Decoded; an extension that is there and malformed is named in `malformed`.
    std::optional<BasicConstraints> basic_constraints;
    std::optional<std::uint32_t> key_usage;
    std::optional<std::vector<std::string>> extended_key_usage;
    std::optional<std::vector<std::string>> policies;
    std::vector<PolicyMapping> policy_mappings;
    std::optional<PolicyConstraints> policy_constraints;
    std::optional<std::uint32_t> inhibit_any_policy;
    std::optional<NameConstraints> name_constraints;
    std::optional<std::vector<GeneralName>> subject_alt_names;
    std::optional<ByteView> subject_key_id;
    std::optional<ByteView> authority_key_id;
    std::vector<DistributionPoint> distribution_points;
    std::vector<DistributionPoint> freshest_crl;
    std::string malformed;         // empty: nothing; else what
    std::string unknown_critical;  // empty: none; else its OID

    [[nodiscard]] const Extension* find(std::string_view id) const noexcept;
    [[nodiscard]] bool is_critical(std::string_view id) const noexcept;
};

/// Reads a whole certificate. False when its outer structure is not DER; faults inside extensions
/// and times are kept for whoever judges the certificate.
bool read_certificate_fields(ByteView certificate, CertificateFields& out);

}  // namespace piv
