// One CRL, decoded (RFC 5280 section 5): views into its bytes, which are in memory or mapped.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pki/base/result.h"
#include "pki/base/time.h"
#include "pki/x509/certificate_fields.h"

namespace piv {

/// ReasonFlags of section 4.2.1.13, as named_bits() numbers them: bits 1 to 8; all of them.
inline constexpr std::uint32_t kAllReasons = 0x1FEU;

/// Section 5.2.5
struct IssuingDistributionPoint {
    std::optional<DistributionPointName> name;
    bool only_user_certificates = false;
    bool only_ca_certificates = false;
    bool only_attribute_certificates = false;
    bool indirect = false;
    std::optional<std::uint32_t> only_some_reasons;
};

/// What tells one version of a file from another.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
};

class CrlIndex;

struct CrlList {
    std::shared_ptr<const void> storage;  // keeps `whole` alive
    ByteView whole;
    std::string name;     // of the file
    bool mapped = false;  // `whole` is a mapping of a file
    FileIdentity file;    // if mapped
    ByteView tbs;
    ByteView outer_algorithm;
    ByteView signature;
    unsigned version = 1;
    CanonicalName issuer;
    UnixTime this_update = 0;
    std::optional<UnixTime> next_update;
    ByteView entries;                 // contents of revokedCertificates; empty: none
    std::optional<Bytes> number;      // big endian, without leading zeros
    std::optional<Bytes> delta_base;  // BaseCRLNumber: this is a delta CRL
    std::optional<IssuingDistributionPoint> distribution_point;
    ByteView distribution_point_der;  // empty: none
    std::optional<ByteView> authority_key_id;
    std::string unusable;                           // empty: may be used; else why not
    mutable std::shared_ptr<const CrlIndex> index;  // if there is a table of it
};

/// Reads one CRL without its entries. False when it is not a CertificateList in DER.
bool read_crl(ByteView der, CrlList& out);

/// One entry of revokedCertificates (section 5.3).
struct CrlEntry {
    ByteView whole;  // the element
    ByteView serial;
    UnixTime revoked_at = 0;
    std::uint32_t reason = 0;  // CRLReason; 0 is unspecified
    bool remove_from_crl() const noexcept { return reason == 8; }
};
const char* reason_text(std::uint32_t reason) noexcept;

/// Goes through all entries.
class CrlEntryReader {
  public:
    explicit CrlEntryReader(const CrlList& list);
    /// The entries in `part` only.
    CrlEntryReader(const CrlList& list, ByteView part);
    enum class Step { Entry, End, Malformed };
    Step next(CrlEntry& out);
    /// The issuer of the certificate of the last entry (section 5.3.3).
    [[nodiscard]] const CanonicalName& certificate_issuer() const noexcept { return issuer_; }

  private:
    bool read_entry_extensions(ByteView contents, CrlEntry& out);
    const CrlList& list_;
    der::Reader reader_;
    CanonicalName issuer_;
};

/// The entry whose element starts at `offset` of the list's file. Not for indirect lists.
bool read_entry_at(const CrlList& list, std::uint64_t offset, CrlEntry& out);
/// The entry for a certificate, if the list has one. Reads every entry: a list with a malformed one,
/// or with a critical extension that is not understood, is not used at all. Error: CrlUnusable.
Result<std::optional<CrlEntry>> find_entry(const CrlList& list, const CanonicalName& issuer,
                                           ByteView serial);

}  // namespace piv
