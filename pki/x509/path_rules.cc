#include "pki/x509/path_rules.h"

#include <algorithm>

#include "pki/base/text.h"
#include "pki/x509/certificate_fields.h"
#include "pki/x509/name_constraints.h"
#include "pki/x509/path_conformance.h"
#include "pki/x509/policy_graph.h"

namespace piv {

namespace {

constexpr char kCommonCardAuthPolicy[] = "2.16.840.1.101.3.2.1.3.17";

Error about(const Certificate& c, ErrorCode code, const std::string& what) {
    return {code, describe(c) + (what.empty() ? "" : ": " + what)};
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

// RFC 5280 section 6.1.3 (a)(2). Both ends belong to the validity (section 4.1.2.5).
Status check_validity(const Certificate& c, UnixTime at) {
    const CertificateFields& f = c.fields();
    if (!f.not_before || !f.not_after) {
        return about(c, ErrorCode::CertMalformed, "a time that is not in the form of RFC 5280");
    }
    if (at < *f.not_before) {
        return about(c, ErrorCode::CertNotYetValid, "valid from " + format_time(*f.not_before));
    }
    if (at > *f.not_after) {
        return about(c, ErrorCode::CertExpired, "ended " + format_time(*f.not_after));
    }
    return {};
}

// Sections 4.1.1.2, 4.2, 6.1.4 (o) and 6.1.5 (f)
Status check_form(const Certificate& c) {
    const CertificateFields& f = c.fields();
    if (f.inner_algorithm != f.outer_algorithm) {
        return about(c, ErrorCode::CertMalformed, "its two signature algorithms differ");
    }
    if (!f.malformed.empty()) {
        return about(c, ErrorCode::CertMalformed, f.malformed);
    }
    if (!f.unknown_critical.empty()) {
        return about(c, ErrorCode::CriticalExtension, f.unknown_critical);
    }
    if (f.issuer_name.empty()) {  // section 4.1.2.4
        return about(c, ErrorCode::CertMalformed, "its issuer name is empty");
    }
    return {};
}

// An anchor is a name and a key (section 6.1.1 (d)). One of version 1 has no extensions to say that it
// is a CA, and one that is not a root may leave it to keyCertSign; a root may not.
bool may_lack_basic_constraints(const Certificate& c, bool anchor) {
    const CertificateFields& f = c.fields();
    return anchor && !f.basic_constraints && (f.version == 1 || (f.key_usage && !c.self_signed()));
}

// Section 6.1.4 (k) and (n)
Status check_is_ca(const Certificate& c, bool anchor) {
    const CertificateFields& f = c.fields();
    if (!c.is_ca() && !may_lack_basic_constraints(c, anchor)) {
        return about(c, ErrorCode::CertNotCa, "no CA:TRUE in basicConstraints");
    }
    if (f.key_usage && (*f.key_usage & kKeyCertSign) == 0) {
        return about(c, ErrorCode::CertNotCa, "no keyCertSign in keyUsage");
    }
    if (f.subject_name.empty()) {  // section 4.1.2.6
        return about(c, ErrorCode::CertMalformed, "a CA with an empty subject");
    }
    return {};
}

// Sections 6.1.4 (l) and (m); the anchor's own constraint counts as well (RFC 5937 section 3.2).
Status check_lengths(const std::vector<Certificate>& chain) {
    std::size_t allowed = SIZE_MAX;
    for (std::size_t i = chain.size(); i-- > 1;) {
        const Certificate& ca = chain[i];
        const bool anchor = i + 1 == chain.size();
        if (!anchor && !ca.self_issued()) {
            if (allowed == 0) {
                return about(ca, ErrorCode::PathTooLong, "a path length constraint above it");
            }
            allowed -= allowed == SIZE_MAX ? 0 : 1;
        }
        const auto& constraints = ca.fields().basic_constraints;
        if (constraints && constraints->ca && constraints->path_length) {
            allowed = std::min<std::size_t>(allowed, *constraints->path_length);
        }
    }
    return {};
}

// Sections 6.1.3 (b), (c) and 6.1.4 (g): every CA's constraints hold for everything below it,
// except self-issued certificates that are not the last.
Status check_names(const std::vector<Certificate>& chain, bool refuse_leading_dot) {
    NameConstraintBudget budget;
    budget.refuse_leading_dot = refuse_leading_dot;
    for (std::size_t ca = chain.size(); ca-- > 1;) {
        const auto& constraints = chain[ca].fields().name_constraints;
        if (!constraints) {
            continue;
        }
        for (std::size_t i = ca; i-- > 0;) {
            if (i != 0 && chain[i].self_issued()) {
                continue;
            }
            if (Status s = check_name_constraints(chain[i].fields(), *constraints, budget); !s) {
                return about(chain[i], s.code(), s.error().detail + ", by " + describe(chain[ca]));
            }
        }
    }
    return {};
}

std::vector<std::string> wanted_uses(Purpose purpose) {
    switch (purpose) {
        case Purpose::SmartcardLogon:
            return {oid::kSmartcardLogon, oid::kClientAuth};
        case Purpose::ServerAuth:
            return {oid::kServerAuth};
        case Purpose::ClientAuth:
            return {oid::kClientAuth};
        case Purpose::KdcAuth:
            return {oid::kPkinitKdc};
        case Purpose::Any:
            break;
    }
    return {};
}

// Section 4.2.1.12, for the leaf and, as everybody does, for every CA that carries it.
Status check_extended_key_usage(const std::vector<Certificate>& chain, Purpose purpose) {
    std::vector<std::string> left = wanted_uses(purpose);
    if (left.empty()) {
        return {};
    }
    const bool named_use = purpose == Purpose::SmartcardLogon || purpose == Purpose::KdcAuth;
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const auto& uses = chain[i].fields().extended_key_usage;
        const bool leaf = i == 0;
        if (!uses) {
            if (leaf && named_use) {
                return about(chain[i], ErrorCode::EkuWrong, "no extended key usage");
            }
            continue;
        }
        const bool any = contains(*uses, oid::kAnyExtendedKeyUsage) && !(leaf && named_use);
        if (!any) {
            left.erase(
                std::remove_if(left.begin(), left.end(),
                               [&uses](const std::string& u) { return !contains(*uses, u); }),
                left.end());
        }
        if (left.empty()) {
            return about(chain[i], ErrorCode::EkuWrong, "not for this use");
        }
    }
    return {};
}

// What only a person's login certificate has to be (FIPS 201-3 section 6.2.3.1, SP 800-78-5).
Status check_login_leaf(const Certificate& leaf) {
    const CertificateFields& f = leaf.fields();
    if (leaf.is_ca()) {
        return about(leaf, ErrorCode::KeyUsageWrong, "a CA certificate");
    }
    if (!f.key_usage || (*f.key_usage & kDigitalSignature) == 0) {
        return about(leaf, ErrorCode::KeyUsageWrong, "no digitalSignature in keyUsage");
    }
    return {};
}

// FIPS 201-3 sections 4.2.2.2 and 4.2.2.6: the keys that need no PIN, and those of card issuers.
Status check_not_pinless(const Certificate& leaf) {
    const std::vector<std::string> uses = leaf.eku();
    if (contains(uses, oid::kPivCardAuth) || contains(leaf.policies(), kCommonCardAuthPolicy)) {
        return about(leaf, ErrorCode::EkuWrong,
                     "a card authentication certificate: works without a PIN");
    }
    if (contains(uses, oid::kPivContentSigning)) {
        return about(leaf, ErrorCode::EkuWrong, "a content signing certificate");
    }
    return {};
}

// Sections 6.1.3 (a)(1) and 6.1.4 (d) to (f), from the anchor down: a signature is verified before
// anything that it signs is judged.
Status check_signatures(const std::vector<Certificate>& chain, const PathPolicy& policy,
                        SignatureLedger& ledger) {
    const SignaturePolicy signatures = signature_policy(policy);
    const std::vector<SharedKey> keys = working_keys(chain);
    for (std::size_t i = chain.size(); i-- > 0;) {
        const Certificate& c = chain[i];
        if (i + 1 < chain.size()) {
            if (Status s = ledger.verify(c, chain[i + 1], keys[i + 1].get(), signatures); !s) {
                return about(c, s.code(), s.error().detail);
            }
        }
        if (Status s = check_key_strength(keys[i].get(), signatures); !s) {
            return about(c, s.code(), s.error().detail);
        }
    }
    return {};
}

Status check_policies(const std::vector<Certificate>& chain, const PathPolicy& policy) {
    std::vector<const CertificateFields*> below_anchor;
    for (std::size_t i = chain.size() - 1; i-- > 0;) {
        below_anchor.push_back(&chain[i].fields());
    }
    if (below_anchor.empty()) {
        below_anchor.push_back(&chain[0].fields());  // the target is the anchor itself
    }
    PolicyInputs inputs;
    inputs.user_initial_policy_set = policy.user_initial_policy_set;
    inputs.require_explicit_policy = policy.require_explicit_policy;
    inputs.inhibit_policy_mapping = policy.inhibit_policy_mapping;
    inputs.inhibit_any_policy = policy.inhibit_any_policy;
    return policies_hold(below_anchor, inputs)
               ? Status()
               : Status(about(chain[0], ErrorCode::PolicyNotAllowed, ""));
}

}  // namespace

SignaturePolicy signature_policy(const PathPolicy& policy) {
    SignaturePolicy out;
    out.insecurely_allow_sha1 = policy.insecurely_allow_sha1;
    out.insecurely_allow_dsa = policy.insecurely_allow_dsa;
    out.min_rsa_bits = policy.min_rsa_bits;
    return out;
}

std::vector<SharedKey> working_keys(const std::vector<Certificate>& chain) {
    std::vector<SharedKey> keys(chain.size());
    for (std::size_t i = chain.size(); i-- > 0;) {
        EVP_PKEY* own = chain[i].public_key();
        EVP_PKEY* above = i + 1 < chain.size() ? keys[i + 1].get() : nullptr;
        keys[i] = own != nullptr ? SharedKey(own, [](EVP_PKEY*) {})  // the certificate's
                                 : decode_public_key(chain[i].fields().spki, above);
    }
    return keys;
}

std::string describe(const Certificate& certificate) {
    return escape_for_display(certificate.subject(), 256) + " (SHA-256 " +
           certificate.sha256_hex() + ")";
}

Status SignatureLedger::verify(const Certificate& child, const Certificate& issuer,
                               EVP_PKEY* issuer_key, const SignaturePolicy& policy) {
    for (const Seen& s : seen_) {
        if (s.child == child.sha256_hex() && s.issuer == issuer.sha256_hex() &&
            issuer.public_key() != nullptr) {
            return s.result;
        }
    }
    if (left_ == 0) {
        return Error(ErrorCode::PathBudget, "too many signatures to check");
    }
    --left_;
    const CertificateFields& f = child.fields();
    Seen now;
    now.child = child.sha256_hex();
    now.issuer = issuer.sha256_hex();
    now.result = verify_signature(f.tbs, f.outer_algorithm, f.signature, issuer_key, policy);
    seen_.push_back(now);
    return now.result;
}

Status judge_path(const std::vector<Certificate>& chain, const PathPolicy& policy, UnixTime at,
                  SignatureLedger& ledger) {
    if (Status s = check_signatures(chain, policy, ledger); !s) {
        return s;
    }
    for (std::size_t i = chain.size(); i-- > 0;) {
        Status s = check_form(chain[i]);
        if (s && i != 0) {
            s = check_is_ca(chain[i], i + 1 == chain.size());
        }
        if (s) {
            s = check_validity(chain[i], at);
        }
        if (!s) {
            return s;
        }
    }
    if (Status s = check_lengths(chain); !s) {
        return s;
    }
    if (Status s = check_names(chain, policy.conformance != Conformance::Section6); !s) {
        return s;
    }
    if (Status s = check_policies(chain, policy); !s) {
        return s;
    }
    if (Status s = check_extended_key_usage(chain, policy.purpose); !s) {
        return s;
    }
    if (policy.for_login) {
        if (Status s = check_not_pinless(chain[0]); !s) {
            return s;
        }
    }
    if (policy.purpose == Purpose::SmartcardLogon) {
        if (Status s = check_login_leaf(chain[0]); !s) {
            return s;
        }
    }
    return check_conformance(chain, policy.conformance);
}

}  // namespace piv
