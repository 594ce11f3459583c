// The rules for one complete path: RFC 5280 section 6.1 without policies and revocation, and what a
// purpose adds. certification_path.cc finds the paths and calls this for each.
#pragma once

#include <vector>

#include "pki/x509/certification_path.h"
#include "pki/x509/public_key.h"
#include "pki/x509/signature.h"

namespace piv {

/// Remembers signatures that verified, across the candidate paths of one search, and counts.
class SignatureLedger {
  public:
    explicit SignatureLedger(std::size_t limit) : left_(limit) {}
    /// `issuer_key` is the working public key of `issuer`. Errors: as verify_signature; PathBudget.
    Status verify(const Certificate& child, const Certificate& issuer, EVP_PKEY* issuer_key,
                  const SignaturePolicy& policy);

  private:
    struct Seen {
        std::string child;
        std::string issuer;
        Status result = ErrorCode::Internal;
    };
    std::vector<Seen> seen_;
    std::size_t left_;
};

SignaturePolicy signature_policy(const PathPolicy& policy);
/// The working public keys of section 6.1.4 (d) to (f), one per certificate of a chain, leaf first;
/// nullptr where unusable. They live as long as the certificates do.
std::vector<SharedKey> working_keys(const std::vector<Certificate>& chain);
/// "subject (SHA-256 ...)", escaped.
std::string describe(const Certificate& certificate);

/// `chain` is leaf first, anchor last. Errors: the codes of paths, the detail naming the
/// certificate.
Status judge_path(const std::vector<Certificate>& chain, const PathPolicy& policy, UnixTime at,
                  SignatureLedger& ledger);

}  // namespace piv
