// CertificationPath: proof that a certificate chains to an installed anchor by RFC 5280 section 6
// and fits the purpose. Made by validate_path() and by nothing else. Revocation is not in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pki/x509/certificate.h"
#include "pki/x509/trust_store.h"

namespace piv {

enum class Purpose {
    SmartcardLogon,  // digitalSignature; EKU smart card logon or client authentication; no
                     // card-only use
    Any,             // RFC 5280 only
    ServerAuth,      // RFC 5280 and extended key usage, as a TLS server
    ClientAuth,      //                              ... as a TLS client
    KdcAuth,         // id-pkinit-KPKdc 1.3.6.1.5.2.3.5: a domain controller
};

/// How much of what RFC 5280 section 4 asks of CAs is asked of a path, beyond section 6.
enum class Conformance {
    Section6,  // what relying parties must check, and nothing else
    Profile,   // and key identifiers, names and flags that conforming CAs set
    Strict,    // and the criticality of constraints, which deployed CAs often get wrong
};

struct PathPolicy {
    Purpose purpose = Purpose::SmartcardLogon;
    // The leaf is to log somebody in: whatever the purpose, card authentication (works without a
    // PIN) and content signing certificates are refused.
    bool for_login = true;
    std::vector<std::string> user_initial_policy_set;  // dotted OIDs; empty is any-policy
    bool require_explicit_policy = false;              // RFC 5280 section 6.1.1 (e)
    bool inhibit_policy_mapping = false;               // (f)
    bool inhibit_any_policy = false;                   // (g)
    Conformance conformance = Conformance::Section6;
    bool insecurely_allow_sha1 = false;
    bool insecurely_allow_dsa = false;  // from 1024 bits, and SHA-1 with it
    int min_rsa_bits = 2048;
    std::size_t max_depth = 10;  // certificates in a path, anchor included
    std::size_t max_signature_checks = 64;

    /// What RFC 5280 alone accepts, which knows no weak algorithms: Purpose::Any with SHA-1, DSA and RSA
    /// from 1024 bits; and what it asks of CAs. For an answer to "is this path valid" (piv-check --purpose any), and never for a
    /// login.
    static PathPolicy standards_only(Purpose purpose = Purpose::Any) {
        PathPolicy policy;
        policy.purpose = purpose;
        policy.for_login = false;
        policy.conformance = Conformance::Profile;
        policy.insecurely_allow_sha1 = true;
        policy.insecurely_allow_dsa = true;
        policy.min_rsa_bits = 1024;
        return policy;
    }
};

class CertificationPath {
  public:
    CertificationPath(CertificationPath&&) noexcept = default;
    CertificationPath& operator=(CertificationPath&&) noexcept = default;
    CertificationPath(const CertificationPath&) = delete;
    CertificationPath& operator=(const CertificationPath&) = delete;

    /// Leaf first, anchor last; at least one certificate.
    [[nodiscard]] const std::vector<Certificate>& certificates() const noexcept { return chain_; }
    [[nodiscard]] const Certificate& leaf() const noexcept { return chain_.front(); }
    [[nodiscard]] const Certificate& anchor() const noexcept { return chain_.back(); }
    [[nodiscard]] UnixTime checked_at() const noexcept { return at_; }

  private:
    friend Result<CertificationPath> validate_path(const Certificate&, const TrustStore&,
                                                   const std::vector<Certificate>&,
                                                   const PathPolicy&, UnixTime);
    CertificationPath(std::vector<Certificate> chain, UnixTime at)
        : chain_(std::move(chain)), at_(at) {}
    std::vector<Certificate> chain_;
    UnixTime at_;
};

/// The caIssuers URLs (RFC 5280 section 4.2.2.1) of the certificates on the way from `leaf` of which
/// neither `store` nor `untrusted` has an issuer; none when only an anchor is wanting. At most 8.
std::vector<std::string> missing_issuer_urls(const Certificate& leaf, const TrustStore& store,
                                             const std::vector<Certificate>& untrusted);

/// Builds and validates a path from `leaf` to an anchor of `store` at time `at`, trying every
/// candidate issuer within the policy's limits. `untrusted` may help to build, never to trust.
/// On failure the best error by the ranking in docs/paths.md, its detail naming the certificate
/// (subject and SHA-256) and, for a missing issuer, its subject, key id and AIA URL.
Result<CertificationPath> validate_path(const Certificate& leaf, const TrustStore& store,
                                        const std::vector<Certificate>& untrusted,
                                        const PathPolicy& policy, UnixTime at);

}  // namespace piv
