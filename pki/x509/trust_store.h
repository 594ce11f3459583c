// TrustStore: the installed CA chain. Anchors are the only certificates a path may end in;
// intermediates help to build a path and are never trusted by themselves.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pki/x509/certificate.h"

namespace piv {

struct CanonicalName;

class TrustStore {
  public:
    TrustStore();
    TrustStore(TrustStore&&) noexcept;
    TrustStore& operator=(TrustStore&&) noexcept;
    ~TrustStore();

    /// `anchors` and `intermediates` are each a folder of *.pem files or one file, as `[trust]` of
    /// the configuration has them. A missing intermediates path is an empty set. Files are indexed
    /// by subject and key id; only candidates of a path are decoded.
    /// `index_file` (may be empty: everything is read) keeps where each subject is; it is made when
    /// missing, old, torn or foreign, and only ever a hint.
    /// Errors: NoTrustAnchors (none found), CertMalformed, InsecureConfig (with
    /// `require_root_owned`).
    static Result<TrustStore> open(const std::string& anchors, const std::string& intermediates,
                                   bool require_root_owned, const std::string& index_file = {});
    /// `--ca FILE|DIR...`: self-signed certificates become anchors, others intermediates. When none
    /// of them is self-signed they are all anchors: the administrator has named them for this run.
    static Result<TrustStore> from_paths(const std::vector<std::string>& paths);

    void add_anchor(Certificate certificate);
    void add_intermediate(Certificate certificate);

    struct Candidate {
        Certificate certificate;
        bool anchor = false;
    };
    /// Certificates whose subject is `child`'s issuer, best first: anchors before intermediates,
    /// a matching key id before none before another one (RFC 4158; the key id is only a hint).
    [[nodiscard]] std::vector<Candidate> issuers_of(const Certificate& child) const;
    /// Certificates with that subject, in no particular order.
    [[nodiscard]] std::vector<Candidate> named(const CanonicalName& subject) const;
    [[nodiscard]] bool contains_anchor(const Certificate& certificate) const;
    [[nodiscard]] std::size_t anchor_count() const noexcept;
    [[nodiscard]] std::size_t intermediate_count() const noexcept;
    /// Everything, decoded; for listings, not for logins.
    [[nodiscard]] std::vector<Candidate> all() const;

  private:
    struct Data;
    std::unique_ptr<Data> data_;
};

/// The order in which candidates are tried, lowest first.
int issuer_preference(const Certificate& child, const TrustStore::Candidate& candidate);

}  // namespace piv
