// An index over the folders of installed CA certificates: subject to file name, so that a login reads
// only the files on its path. Tied to the folders by device, inode and times. It is a hint: what it
// names is read, decoded and compared, its place says whether it is an anchor, and what it does not
// find is searched for in the folders.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pki/base/result.h"

namespace piv {

struct IndexedFile {
    std::uint64_t subject = 0;  // hash of CanonicalName::key()
    std::uint32_t folder = 0;   // 0: anchors, 1: intermediates
    std::string name;
};

struct FolderIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
};

class TrustIndex {
  public:
    using Identities = std::array<FolderIdentity, 2>;
    using Folders = std::array<std::string, 2>;  // the second may be empty

    /// nullptr when there is none that fits the folders as they are now, or it is not root's own.
    static std::unique_ptr<TrustIndex> open(const std::string& path, const Folders& folders);
    /// How the folders are now: to be asked before they are read for an index.
    static Identities look(const Folders& folders);
    /// Error: WriteFailed.
    static Status write(const std::string& path, const Identities& folders,
                        std::vector<IndexedFile> files, std::size_t anchors,
                        std::size_t intermediates);
    static std::uint64_t hash(const std::string& subject_key) noexcept;

    TrustIndex(const TrustIndex&) = delete;
    TrustIndex& operator=(const TrustIndex&) = delete;
    ~TrustIndex();

    /// Files that may hold a certificate with that subject.
    [[nodiscard]] std::vector<IndexedFile> find(std::uint64_t subject) const;
    [[nodiscard]] std::size_t anchors() const noexcept;
    [[nodiscard]] std::size_t intermediates() const noexcept;

  private:
    TrustIndex(const std::uint8_t* at, std::size_t size) : at_(at), size_(size) {}
    const std::uint8_t* at_;
    std::size_t size_;
};

}  // namespace piv
