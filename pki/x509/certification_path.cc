#include "pki/x509/certification_path.h"

#include <algorithm>

#include "pki/base/text.h"
#include "pki/x509/certificate_fields.h"
#include "pki/x509/path_rules.h"

namespace piv {

namespace {

// How far a candidate path got; docs/paths.md. The best failure is what is reported.
enum Rank { kNothing, kNoIssuer, kBadSignature, kBudget, kComplete };

bool key_ids_differ(const Certificate& child, const Certificate& issuer) {
    const auto& wanted = child.fields().authority_key_id;
    const auto& has = issuer.fields().subject_key_id;
    return wanted && has && *wanted != *has;
}

class PathSearch {
  public:
    PathSearch(const TrustStore& store, const std::vector<Certificate>& untrusted,
               const PathPolicy& policy, UnixTime at)
        : store_(store),
          untrusted_(untrusted),
          policy_(policy),
          at_(at),
          ledger_(policy.max_signature_checks),
          visits_left_(policy.max_signature_checks * 16) {}

    bool run(const Certificate& leaf) {
        chain_.push_back(leaf);
        if (store_.contains_anchor(leaf) && leaf.self_signed() && complete()) {
            return true;
        }
        return extend();
    }
    std::vector<Certificate> take() { return std::move(chain_); }
    [[nodiscard]] const Error& best() const { return best_; }

  private:
    using Candidate = TrustStore::Candidate;

    void note(Rank rank, Error error) {
        if (rank > rank_) {
            rank_ = rank;
            best_ = std::move(error);
        }
    }

    bool complete() {
        Status s = judge_path(chain_, policy_, at_, ledger_);
        if (!s) {
            const bool signature = s.code() == ErrorCode::CertSignatureBad;
            const bool budget = s.code() == ErrorCode::PathBudget;
            note(signature ? kBadSignature : budget ? kBudget : kComplete, s.error());
        }
        return s.ok();
    }

    [[nodiscard]] std::vector<Candidate> candidates(const Certificate& child) const {
        std::vector<Candidate> found = store_.issuers_of(child);
        const auto known = [&found](const Certificate& c) {
            return std::any_of(found.begin(), found.end(), [&c](const Candidate& other) {
                return other.certificate.sha256_hex() == c.sha256_hex();
            });
        };
        for (const Certificate& c : untrusted_) {
            if (c.fields().subject_name == child.fields().issuer_name && !known(c)) {
                found.push_back({c, false});
            }
        }
        std::stable_sort(found.begin(), found.end(),
                         [&child](const Candidate& a, const Candidate& b) {
                             return issuer_preference(child, a) < issuer_preference(child, b);
                         });
        return found;
    }

    // RFC 4158 section 3.5: the same certificate, or the same name and key with no other
    // alternative names, is not worth a second visit.
    [[nodiscard]] bool on_path(const Certificate& c) const {
        return std::any_of(chain_.begin(), chain_.end(), [&c](const Certificate& other) {
            const CertificateFields& a = c.fields();
            const CertificateFields& b = other.fields();
            return a.subject_name == b.subject_name && a.spki == b.spki &&
                   alt_names(a) == alt_names(b);
        });
    }
    static ByteView alt_names(const CertificateFields& f) {
        const Extension* e = f.find(oid::kSubjectAltName);
        return e != nullptr ? e->value : ByteView();
    }

    // One candidate issuer of the last certificate. The signature prunes the search; a key that
    // inherits DSA parameters is only known once the path is complete.
    bool try_issuer(const Candidate& candidate) {
        const Certificate child = chain_.back();
        if (candidate.certificate.public_key() != nullptr) {
            const Status s =
                ledger_.verify(child, candidate.certificate, candidate.certificate.public_key(),
                               signature_policy(policy_));
            if (!s) {
                const std::string detail =
                    describe(child) + (s.error().detail.empty() ? "" : ": " + s.error().detail) +
                    ", by the key of " + describe(candidate.certificate);
                if (s.code() == ErrorCode::PathBudget) {
                    note(kBudget, Error(s.code(), detail));
                } else if (s.code() != ErrorCode::CertSignatureBad) {
                    note(kComplete, Error(s.code(), detail));
                } else if (!key_ids_differ(child, candidate.certificate)) {
                    note(kBadSignature, Error(s.code(), detail));
                }
                return false;
            }
        }
        chain_.push_back(candidate.certificate);
        if (candidate.anchor ? complete() : extend()) {
            return true;
        }
        chain_.pop_back();
        return false;
    }

    bool extend() {
        const Certificate last = chain_.back();
        bool any = false;
        for (const Candidate& candidate : candidates(last)) {
            if (on_path(candidate.certificate)) {
                continue;
            }
            any = any || !key_ids_differ(last, candidate.certificate);
            if (chain_.size() >= policy_.max_depth) {
                note(kBudget, Error(ErrorCode::PathTooLong, describe(last) + ": more than " +
                                                                std::to_string(policy_.max_depth) +
                                                                " certificates"));
                return false;
            }
            if (visits_left_ == 0) {
                note(kBudget, Error(ErrorCode::PathBudget, describe(chain_.front())));
                return false;
            }
            --visits_left_;
            if (try_issuer(candidate)) {
                return true;
            }
        }
        if (!any) {
            note(kNoIssuer, missing_issuer(last));
        }
        return false;
    }

    static Error missing_issuer(const Certificate& last) {
        if (last.self_issued()) {
            return {ErrorCode::AnchorNotTrusted, describe(last)};
        }
        std::string detail =
            "the issuer of " + describe(last) + ": " + escape_for_display(last.issuer(), 256);
        if (const auto id = last.authority_key_id()) {
            detail += ", key id " + to_hex(*id);
        }
        for (const std::string& url : last.ca_issuer_urls()) {
            detail += ", from " + escape_for_display(url, 256);
        }
        return {ErrorCode::IssuerMissing, detail};
    }

    const TrustStore& store_;
    const std::vector<Certificate>& untrusted_;
    const PathPolicy& policy_;
    UnixTime at_;
    SignatureLedger ledger_;
    std::size_t visits_left_;
    std::vector<Certificate> chain_;
    Rank rank_ = kNothing;
    Error best_{ErrorCode::IssuerMissing, ""};
};

}  // namespace

int issuer_preference(const Certificate& child, const TrustStore::Candidate& candidate) {
    const auto& wanted = child.fields().authority_key_id;
    const auto& has = candidate.certificate.fields().subject_key_id;
    const int id = wanted && has ? (*wanted == *has ? 0 : 2) : 1;
    return (candidate.anchor ? 0 : 3) + id;
}

std::vector<std::string> missing_issuer_urls(const Certificate& leaf, const TrustStore& store,
                                             const std::vector<Certificate>& untrusted) {
    constexpr std::size_t kMaxVisited = 32;
    constexpr std::size_t kMaxUrls = 8;
    std::vector<Certificate> way{leaf};
    std::vector<std::string> urls;
    const auto visit = [&way](const Certificate& c) {
        const bool seen = std::any_of(way.begin(), way.end(), [&c](const Certificate& other) {
            return other.sha256_hex() == c.sha256_hex();
        });
        if (!seen && way.size() < kMaxVisited) {
            way.push_back(c);
        }
    };
    for (std::size_t i = 0; i < way.size(); ++i) {
        const Certificate child = way[i];
        if (child.self_issued()) {
            continue;
        }
        bool found = false;
        const auto issuer = [&](const Certificate& c) {
            if (!key_ids_differ(child, c)) {
                found = true;
                visit(c);
            }
        };
        for (const TrustStore::Candidate& candidate : store.issuers_of(child)) {
            issuer(candidate.certificate);
        }
        for (const Certificate& c : untrusted) {
            if (c.fields().subject_name == child.fields().issuer_name) {
                issuer(c);
            }
        }
        for (const std::string& url : found ? std::vector<std::string>() : child.ca_issuer_urls()) {
            if (urls.size() < kMaxUrls && std::find(urls.begin(), urls.end(), url) == urls.end()) {
                urls.push_back(url);
            }
        }
    }
    return urls;
}

Result<CertificationPath> validate_path(const Certificate& leaf, const TrustStore& store,
                                        const std::vector<Certificate>& untrusted,
                                        const PathPolicy& policy, UnixTime at) {
    if (store.anchor_count() == 0) {
        return Error(ErrorCode::NoTrustAnchors, "no trust anchor is installed");
    }
    PathSearch search(store, untrusted, policy, at);
    if (!search.run(leaf)) {
        return search.best();
    }
    return CertificationPath(search.take(), at);
}

}  // namespace piv
