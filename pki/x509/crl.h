// Certificate revocation lists by RFC 5280 section 6.3.3: complete, indirect and delta CRLs,
// distribution points, reasons. Answers are good, revoked or undetermined; the last is never good.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pki/x509/certification_path.h"

namespace piv {

enum class CrlState { Undetermined, Good, Revoked };

struct CrlVerdict {
    CrlState state = CrlState::Undetermined;
    Error why{ErrorCode::CrlUnusable, "no CRL"};  // for everything but Good
    UnixTime this_update = 0;                     // of the CRL that decided
    UnixTime next_update = 0;                     // 0: none given
    UnixTime revocation_time = 0;                 // Revoked
    std::string reason;  // Revoked: "keyCompromise", ...; "unspecified" if none is given
    std::string source;  // name of the file
};

/// Revocation lists, indexed by issuer. Nothing in here is trusted: signatures are checked when a
/// list is used.
class CrlSet {
  public:
    CrlSet();
    CrlSet(CrlSet&&) noexcept;
    CrlSet& operator=(CrlSet&&) noexcept;
    ~CrlSet();

    /// `[trust] crl` and `--crl FILE|DIR`: DER or PEM, also several in one PEM file. In a folder,
    /// files that hold no CRL are skipped; a named file must hold one. Large files are mapped, not
    /// copied. `index_folder` (may be empty) keeps lookup tables of large lists. Errors:
    /// FileNotFound, FileUnreadable, FileTooLarge, CrlUnusable (not a CRL).
    static Result<CrlSet> open(const std::vector<std::string>& paths,
                               const std::string& index_folder = {});
    /// One list in DER. Error: CrlUnusable.
    Status add(ByteView der, const std::string& name);
    [[nodiscard]] std::size_t size() const noexcept;

    struct Data;
    [[nodiscard]] const Data& data() const noexcept { return *data_; }

  private:
    std::unique_ptr<Data> data_;
};

/// What a CRL check may use besides the lists: where certificates of CRL signers can be found.
struct CrlContext {
    const TrustStore& store;
    const std::vector<Certificate>& untrusted;
    PathPolicy policy;  // of the path; its purpose is not applied to CRL signers
    UnixTime at = 0;
    std::int64_t skew = 0;  // seconds by which thisUpdate may lie in the future
};

/// One verdict for each certificate below the anchor, leaf first.
std::vector<CrlVerdict> check_path_crls(const CertificationPath& path, const CrlSet& crls,
                                        const CrlContext& context);
/// The same without a trust store: `others` are certificates that may have signed CRLs, beside those of
/// the path; they are validated up to the path's own anchor.
std::vector<CrlVerdict> check_path_crls(const CertificationPath& path, const CrlSet& crls,
                                        const std::vector<Certificate>& others,
                                        const PathPolicy& policy, UnixTime at);
/// One certificate of a validated path. `chain` is the certificates from it up to the anchor.
CrlVerdict check_crls(const std::vector<Certificate>& chain, const CrlSet& crls,
                      const CrlContext& context);

}  // namespace piv
