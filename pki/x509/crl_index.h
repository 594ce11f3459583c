// A lookup table beside a large CRL: made once, when the list's signature has been verified and every
// entry read; then a login finds a serial number in one page of it. The table is tied to the file by its
// device, inode, size and times, to the signer by its key, and every page carries a checksum: a torn,
// old or foreign table is not used, and made again.
#pragma once

#include <memory>
#include <string>

#include "pki/x509/crl_list.h"

namespace piv {

/// Lists below this size are read through instead.
inline constexpr std::size_t kIndexedCrlSize = std::size_t{256} << 10U;

class CrlIndex {
  public:
    /// The table of `list` in `folder`, or nullptr if there is none that can be used.
    static std::shared_ptr<const CrlIndex> open(const std::string& folder, const CrlList& list);
    /// Reads every entry of `list` and writes the table. `signer_spki_sha256` is 32 octets: the key
    /// that has verified the list. Errors: CrlUnusable (a malformed entry), WriteFailed.
    static Status build(const std::string& folder, const CrlList& list,
                        ByteView signer_spki_sha256);

    /// Removes the table of `list`, so that the next login makes a new one.
    static void discard(const std::string& folder, const CrlList& list);

    CrlIndex(const CrlIndex&) = delete;
    CrlIndex& operator=(const CrlIndex&) = delete;
    ~CrlIndex();

    [[nodiscard]] bool verified_by(ByteView spki_sha256) const noexcept;
    /// Error: CrlUnusable when the table is damaged where it had to be read.
    [[nodiscard]] Result<std::optional<CrlEntry>> find(const CrlList& list, ByteView serial) const;

  private:
    CrlIndex(const std::uint8_t* at, std::size_t size) : at_(at), size_(size) {}
    const std::uint8_t* at_;
    std::size_t size_;
};

}  // namespace piv
