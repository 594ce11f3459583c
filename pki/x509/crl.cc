#include "pki/x509/crl.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "pki/base/text.h"
#include "pki/x509/certificate_fields.h"
#include "pki/x509/crl_list.h"
#include "pki/x509/crl_set.h"
#include "pki/x509/path_rules.h"

namespace piv {

namespace {

std::string crl_text(const CrlList& list) {
    return "CRL " + escape_for_display(list.name, 256);
}

// A check of one path and, within it, of the paths of CRL signers.
class CrlCheck {
  public:
    CrlCheck(const CrlSet::Data& crls, const CrlContext& context)
        : crls_(crls), context_(context) {}

    CrlVerdict certificate(const std::vector<Certificate>& chain);

  private:
    struct Scope {
        const DistributionPoint*
            point;  // nullptr: the implied one of section 6.3.3's last paragraph
        std::vector<CanonicalName> crl_issuers;
    };
    struct Signer {
        Certificate certificate;
        SharedKey key;
    };
    struct Progress {
        std::uint32_t reasons = 0;
        CrlVerdict verdict;
        std::string problem;
    };

    void distribution_point(const std::vector<Certificate>& chain, const Scope& scope,
                            Progress& progress);
    bool one_list(const std::vector<Certificate>& chain, const Scope& scope, const CrlList& list,
                  Progress& progress);
    Status time_fits(const CrlList& list) const;
    Status scope_fits(const Certificate& c, const Scope& scope, const CrlList& list) const;
    Result<Signer> signer(const std::vector<Certificate>& chain, const CrlList& list);
    Status signer_is_good(const std::vector<Certificate>& chain, const Certificate& signer);
    const CrlList* delta_for(const CrlList& list, const Signer& signer);
    Status signed_by(const CrlList& list, const Signer& signer);
    Result<std::optional<CrlEntry>> look_up(const Certificate& c, const CrlList& list,
                                            const Signer& signer);

    const CrlSet::Data& crls_;
    const CrlContext& context_;
    std::vector<std::string> in_progress_;  // certificates whose status is being asked
    std::unordered_map<std::string, Status> signatures_;
};

bool names_meet(const std::vector<GeneralName>& a, const std::vector<GeneralName>& b) {
    return std::any_of(a.begin(), a.end(), [&b](const GeneralName& x) {
        return std::any_of(b.begin(), b.end(), [&x](const GeneralName& y) {
            if (x.form != y.form) {
                return false;
            }
            return x.form == GeneralName::Form::Directory ? x.directory == y.directory
                                                          : x.value == y.value;
        });
    });
}

GeneralName directory_name(const CanonicalName& name) {
    GeneralName out;
    out.form = GeneralName::Form::Directory;
    out.directory = name;
    return out;
}

// The names that a DistributionPointName stands for; a relative one is below `base`.
std::vector<GeneralName> full_names(const DistributionPointName& name,
                                    const std::vector<CanonicalName>& bases) {
    if (!name.relative_name) {
        return name.full_name;
    }
    std::vector<GeneralName> out;
    for (const CanonicalName& base : bases) {
        CanonicalName whole = base;
        if (append_rdn(whole, *name.relative_name)) {
            out.push_back(directory_name(whole));
        }
    }
    return out;
}

bool same_scope(const CrlList& a, const CrlList& b) {
    const auto id = [](const CrlList& l) {
        return l.authority_key_id ? *l.authority_key_id : ByteView();
    };
    return a.issuer == b.issuer && a.distribution_point_der == b.distribution_point_der &&
           (id(a) == id(b) || !a.authority_key_id || !b.authority_key_id);
}

// Both without leading zeros.
int compare_numbers(const Bytes& a, const Bytes& b) {
    if (a.size() != b.size()) {
        return a.size() < b.size() ? -1 : 1;
    }
    return a.empty() ? 0 : std::memcmp(a.data(), b.data(), a.size());
}

Status CrlCheck::time_fits(const CrlList& list) const {
    if (list.this_update > context_.at + context_.skew) {
        return Error(
            ErrorCode::CrlUnusable,
            crl_text(list) + ": issued " + format_time(list.this_update) + ", later than now");
    }
    if (list.next_update && *list.next_update < context_.at) {
        return Error(ErrorCode::CrlUnusable,
                     crl_text(list) + ": ended " + format_time(*list.next_update));
    }
    return {};
}

// Section 6.3.3 (b)
Status CrlCheck::scope_fits(const Certificate& c, const Scope& scope, const CrlList& list) const {
    const CertificateFields& f = c.fields();
    const Error no(ErrorCode::CrlUnusable, crl_text(list) + ": does not cover " + describe(c));
    const auto& idp = list.distribution_point;
    const bool names_issuer = scope.point != nullptr && !scope.point->crl_issuer.empty();
    // (b)(1). A distribution point of the issuer's own does not lead to an indirect CRL.
    const bool indirect = idp && idp->indirect;
    if (names_issuer ? !indirect : scope.point != nullptr && indirect) {
        return no;
    }
    if (!idp) {
        return {};
    }
    if (idp->name) {  // (b)(2)(i)
        const std::vector<GeneralName> listed = full_names(*idp->name, {list.issuer});
        std::vector<GeneralName> wanted;
        if (scope.point == nullptr) {
            wanted.push_back(directory_name(f.issuer_name));
        } else if (scope.point->name) {
            wanted = full_names(*scope.point->name, scope.crl_issuers);
        } else {
            wanted = scope.point->crl_issuer;
        }
        if (!names_meet(listed, wanted)) {
            return no;
        }
    }
    // Section 5.2.5: the scope of such a CRL "MUST NOT include any version 1 or version 2 certificates"
    if ((idp->only_user_certificates || idp->only_ca_certificates) && f.version != 3) {
        return no;
    }
    const bool excluded = (idp->only_user_certificates && c.is_ca()) ||  // (ii)
                          (idp->only_ca_certificates && !c.is_ca()) ||   // (iii)
                          idp->only_attribute_certificates;              // (iv)
    return excluded ? Status(no) : Status();
}

Status CrlCheck::signed_by(const CrlList& list, const Signer& signer) {
    const std::string key = std::to_string(reinterpret_cast<std::uintptr_t>(list.whole.data())) +
                            signer.certificate.sha256_hex();
    const auto known = signatures_.find(key);
    if (known != signatures_.end()) {
        return known->second;
    }
    Status s = crls_.verify(list, signer.key.get(), signature_policy(context_.policy));
    signatures_.emplace(key, s);
    return s;
}

// Section 6.3.3 (f): the path of the CRL's signer ends in the same anchor, and the signer has not been
// revoked itself. Anchors of one name are one CA with more than one key.
Status CrlCheck::signer_is_good(const std::vector<Certificate>& chain, const Certificate& signer) {
    for (const Certificate& c : chain) {
        if (c.sha256_hex() == signer.sha256_hex()) {
            return {};  // validated, and asked for by itself
        }
    }
    PathPolicy policy = context_.policy;
    policy.purpose = Purpose::Any;
    policy.for_login = false;
    policy.conformance = Conformance::Section6;
    policy.user_initial_policy_set.clear();
    policy.require_explicit_policy = false;
    std::vector<Certificate> path_chain;
    if (context_.store.contains_anchor(signer)) {
        path_chain.push_back(signer);
    } else {
        std::vector<Certificate> helpers = context_.untrusted;
        helpers.insert(helpers.end(), chain.begin(), chain.end());
        Result<CertificationPath> path =
            validate_path(signer, context_.store, helpers, policy, context_.at);
        if (!path) {
            return std::move(path).error();
        }
        path_chain = path->certificates();
    }
    if (path_chain.back().fields().subject_name != chain.back().fields().subject_name) {
        return Error(ErrorCode::CrlUnusable,
                     "the signer of the CRL, " + describe(signer) + ", has another anchor");
    }
    for (std::size_t i = 0; i + 1 < path_chain.size(); ++i) {
        const std::vector<Certificate> rest(path_chain.begin() + static_cast<std::ptrdiff_t>(i),
                                            path_chain.end());
        const std::string& id = rest.front().sha256_hex();
        if (std::find(in_progress_.begin(), in_progress_.end(), id) != in_progress_.end()) {
            continue;
        }
        const CrlVerdict verdict = certificate(rest);
        if (verdict.state != CrlState::Good) {
            return Error(ErrorCode::CrlUnusable, "the signer of the CRL: " + verdict.why.detail);
        }
    }
    return {};
}

// Section 6.3.3 (f) and (g)
Result<CrlCheck::Signer> CrlCheck::signer(const std::vector<Certificate>& chain,
                                          const CrlList& list) {
    std::vector<Signer> candidates;
    const auto add = [&](const Certificate& c, SharedKey key) {
        const bool known = std::any_of(candidates.begin(), candidates.end(), [&](const auto& o) {
            return o.certificate.sha256_hex() == c.sha256_hex();
        });
        if (!known && c.fields().subject_name == list.issuer) {
            candidates.push_back({c, std::move(key)});
        }
    };
    const std::vector<SharedKey> keys = working_keys(chain);
    for (std::size_t i = 1; i < chain.size(); ++i) {
        add(chain[i], keys[i]);
    }
    for (const TrustStore::Candidate& c : context_.store.named(list.issuer)) {
        add(c.certificate, working_keys({c.certificate}).front());
    }
    for (const Certificate& c : context_.untrusted) {
        add(c, working_keys({c}).front());
    }
    Error why(ErrorCode::CrlUnusable,
              crl_text(list) + ": the certificate of its signer is missing");
    for (const Signer& candidate : candidates) {
        const Certificate& c = candidate.certificate;
        if (Status s = signed_by(list, candidate); !s) {
            why = Error(ErrorCode::CrlUnusable, crl_text(list) + ": its signature does not verify");
            continue;
        }
        const CertificateFields& f = c.fields();
        if (f.key_usage && (*f.key_usage & kCrlSign) == 0) {
            why = Error(ErrorCode::CrlUnusable,
                        crl_text(list) + ": no cRLSign in keyUsage of " + describe(c));
            continue;
        }
        Status s = signer_is_good(chain, c);
        if (s) {
            return candidate;
        }
        why = Error(ErrorCode::CrlUnusable, crl_text(list) + ": " + s.error().detail);
    }
    return why;
}

// Sections 6.3.3 (c) and (h), 5.2.4: the newest delta CRL that continues this list.
const CrlList* CrlCheck::delta_for(const CrlList& list, const Signer& signer) {
    const CrlList* best = nullptr;
    for (const CrlList* d : crls_.issued_by(list.issuer)) {
        if (!d->delta_base || !list.number || !d->number || !d->unusable.empty() ||
            !same_scope(*d, list) || !time_fits(*d) ||
            compare_numbers(*d->delta_base, *list.number) > 0 ||
            compare_numbers(*d->number, *list.number) < 0 || !signed_by(*d, signer)) {
            continue;
        }
        if (best == nullptr || compare_numbers(*d->number, *best->number) > 0) {
            best = d;
        }
    }
    return best;
}

// Section 6.3.3 (i) to (k)
Result<std::optional<CrlEntry>> CrlCheck::look_up(const Certificate& c, const CrlList& list,
                                                  const Signer& signer) {
    const CertificateFields& f = c.fields();
    if (const CrlList* delta = delta_for(list, signer); delta != nullptr) {
        Result<std::optional<CrlEntry>> entry = crls_.find(*delta, f.issuer_name, f.serial);
        if (!entry) {
            return entry;
        }
        if (entry->has_value()) {
            return (*entry)->remove_from_crl() ? std::optional<CrlEntry>() : *entry;
        }
    }
    return crls_.find(list, f.issuer_name, f.serial);
}

// One complete CRL for one distribution point. True when the certificate is revoked.
bool CrlCheck::one_list(const std::vector<Certificate>& chain, const Scope& scope,
                        const CrlList& list, Progress& progress) {
    const Certificate& c = chain.front();
    const auto refuse = [&progress](const std::string& why) {
        progress.problem = why;
        return false;
    };
    if (Status s = scope_fits(c, scope, list); !s) {
        return refuse(s.error().detail);
    }
    // (d) and (e)
    std::uint32_t reasons = kAllReasons;
    if (scope.point != nullptr && scope.point->reasons) {
        reasons &= *scope.point->reasons;
    }
    if (list.distribution_point && list.distribution_point->only_some_reasons) {
        reasons &= *list.distribution_point->only_some_reasons;
    }
    if ((reasons & ~progress.reasons) == 0) {
        return false;
    }
    if (!list.unusable.empty()) {
        return refuse(crl_text(list) + ": " + list.unusable);
    }
    if (Status s = time_fits(list); !s) {
        return refuse(s.error().detail);
    }
    Result<Signer> by = signer(chain, list);
    if (!by) {
        return refuse(by.error().detail);
    }
    Result<std::optional<CrlEntry>> entry = look_up(c, list, *by);
    if (!entry) {
        return refuse(crl_text(list) + ": " + entry.error().detail);
    }
    CrlVerdict& v = progress.verdict;
    v.this_update = list.this_update;
    v.next_update = list.next_update.value_or(0);
    v.source = list.name;
    if (entry->has_value()) {
        v.state = CrlState::Revoked;
        v.revocation_time = (*entry)->revoked_at;
        v.reason = reason_text((*entry)->reason);
        v.why =
            Error(ErrorCode::Revoked, describe(c) + ": revoked " + format_time(v.revocation_time) +
                                          ", " + v.reason + ", by " + crl_text(list));
        return true;
    }
    progress.reasons |= reasons;  // (l)
    return false;
}

void CrlCheck::distribution_point(const std::vector<Certificate>& chain, const Scope& scope,
                                  Progress& progress) {
    for (const CanonicalName& issuer : scope.crl_issuers) {
        for (const CrlList* list : crls_.issued_by(issuer)) {
            if (progress.reasons == kAllReasons || progress.verdict.state == CrlState::Revoked) {
                return;
            }
            if (!list->delta_base && one_list(chain, scope, *list, progress)) {
                return;
            }
        }
    }
}

CrlVerdict CrlCheck::certificate(const std::vector<Certificate>& chain) {
    const Certificate& c = chain.front();
    const CertificateFields& f = c.fields();
    in_progress_.push_back(c.sha256_hex());
    Progress progress;
    for (const DistributionPoint& point : f.distribution_points) {
        Scope scope{&point, {}};
        for (const GeneralName& name : point.crl_issuer) {
            if (name.form == GeneralName::Form::Directory) {
                scope.crl_issuers.push_back(name.directory);
            }
        }
        if (point.crl_issuer.empty()) {
            scope.crl_issuers.push_back(f.issuer_name);
        }
        distribution_point(chain, scope, progress);
    }
    // The last paragraph of section 6.3.3, unless the CA has said that others revoke for it.
    const bool others_revoke =
        !f.distribution_points.empty() &&
        std::all_of(f.distribution_points.begin(), f.distribution_points.end(),
                    [](const DistributionPoint& point) { return !point.crl_issuer.empty(); });
    if (!others_revoke) {
        distribution_point(chain, Scope{nullptr, {f.issuer_name}}, progress);
    }
    in_progress_.pop_back();
    CrlVerdict& v = progress.verdict;
    if (v.state == CrlState::Revoked) {
        return v;
    }
    if (progress.reasons == kAllReasons) {
        v.state = CrlState::Good;
        v.why = Error(ErrorCode::CrlUnusable, "");
        return v;
    }
    const std::string why = !progress.problem.empty() ? progress.problem
                            : progress.reasons != 0   ? "the CRLs do not cover every reason"
                                                      : "no CRL of its issuer";
    v.why = Error(ErrorCode::CrlUnusable, describe(c) + ": " + why);
    return v;
}

}  // namespace

CrlVerdict check_crls(const std::vector<Certificate>& chain, const CrlSet& crls,
                      const CrlContext& context) {
    if (chain.size() < 2) {
        return {};
    }
    return CrlCheck(crls.data(), context).certificate(chain);
}

std::vector<CrlVerdict> check_path_crls(const CertificationPath& path, const CrlSet& crls,
                                        const CrlContext& context) {
    std::vector<CrlVerdict> verdicts;
    CrlCheck check(crls.data(), context);
    const std::vector<Certificate>& chain = path.certificates();
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
        verdicts.push_back(
            check.certificate({chain.begin() + static_cast<std::ptrdiff_t>(i), chain.end()}));
    }
    return verdicts;
}

std::vector<CrlVerdict> check_path_crls(const CertificationPath& path, const CrlSet& crls,
                                        const std::vector<Certificate>& others,
                                        const PathPolicy& policy, UnixTime at) {
    TrustStore store;
    store.add_anchor(path.anchor());
    return check_path_crls(path, crls, {store, others, policy, at, 0});
}

}  // namespace piv
