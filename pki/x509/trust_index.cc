#include "pki/x509/trust_index.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "pki/base/fd.h"
#include "pki/base/file.h"

namespace piv {

namespace {

constexpr std::uint64_t kMagic = 0x3154535254564950;  // also tells the byte order
constexpr std::size_t kNameSize = 240;
// A folder changed so shortly before the index was written may have changed once more since.
constexpr std::int64_t kRacyNs = 20'000'000;

struct Header {
    std::uint64_t magic = kMagic;
    FolderIdentity folders[2];
    std::uint64_t records = 0;
    std::uint64_t anchors = 0;
    std::uint64_t intermediates = 0;
    std::uint64_t checksum = 0;  // of the above
};

struct Record {
    std::uint64_t subject = 0;
    std::uint32_t folder = 0;
    std::uint32_t length = 0;
    char name[kNameSize] = {};
};

std::uint64_t fnv(const void* data, std::size_t size) noexcept {
    std::uint64_t h = 0xcbf29ce484222325U;
    const auto* p = static_cast<const std::uint8_t*>(data);
    for (std::size_t i = 0; i < size; ++i) {
        h = (h ^ p[i]) * 0x100000001b3U;
    }
    return h ^ (h >> 32U);
}

std::uint64_t header_checksum(const Header& header) noexcept {
    return fnv(&header, offsetof(Header, checksum));
}

std::int64_t ns(const timespec& t) noexcept {
    return static_cast<std::int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
}

// A folder that is not there has an identity too: none.
FolderIdentity identity(const std::string& folder) {
    struct stat st {};
    if (folder.empty() || stat(folder.c_str(), &st) != 0) {
        return {};
    }
    return {static_cast<std::uint64_t>(st.st_dev), static_cast<std::uint64_t>(st.st_ino),
            ns(st.st_mtim), ns(st.st_ctim)};
}

bool same(const FolderIdentity& a, const FolderIdentity& b) noexcept {
    return a.device == b.device && a.inode == b.inode && a.modified_ns == b.modified_ns &&
           a.changed_ns == b.changed_ns;
}

bool fits(const Header& header, const TrustIndex::Folders& folders, std::int64_t written_ns) {
    for (std::size_t i = 0; i < folders.size(); ++i) {
        const FolderIdentity now = identity(folders[i]);
        if (!same(now, header.folders[i]) || now.modified_ns + kRacyNs > written_ns ||
            now.changed_ns + kRacyNs > written_ns) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::uint64_t TrustIndex::hash(const std::string& subject_key) noexcept {
    return fnv(subject_key.data(), subject_key.size());
}

TrustIndex::Identities TrustIndex::look(const Folders& folders) {
    return {identity(folders[0]), identity(folders[1])};
}

Status TrustIndex::write(const std::string& path, const Identities& folders,
                         std::vector<IndexedFile> files, std::size_t anchors,
                         std::size_t intermediates) {
    std::sort(files.begin(), files.end(), [](const IndexedFile& a, const IndexedFile& b) {
        return a.subject != b.subject ? a.subject < b.subject : a.name < b.name;
    });
    Header header;
    for (std::size_t i = 0; i < folders.size(); ++i) {
        header.folders[i] = folders[i];
    }
    header.records = files.size();
    header.anchors = anchors;
    header.intermediates = intermediates;
    header.checksum = header_checksum(header);
    Bytes content(sizeof(Header) + files.size() * sizeof(Record));
    std::memcpy(content.data(), &header, sizeof(header));
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (files[i].name.size() > kNameSize) {
            return Error(ErrorCode::WriteFailed, path + ": a file name is too long to index");
        }
        Record record;
        record.subject = files[i].subject;
        record.folder = files[i].folder;
        record.length = static_cast<std::uint32_t>(files[i].name.size());
        std::memcpy(record.name, files[i].name.data(), files[i].name.size());
        std::memcpy(content.data() + sizeof(Header) + i * sizeof(Record), &record, sizeof(record));
    }
    return write_file_atomically(path, content, 0644);
}

std::unique_ptr<TrustIndex> TrustIndex::open(const std::string& path, const Folders& folders) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat st {};
    if (!fd.valid() || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) ||
        (st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022U) != 0 ||
        st.st_size < static_cast<off_t>(sizeof(Header)) || st.st_size > (off_t{1} << 28)) {
        return nullptr;
    }
    const auto size = static_cast<std::size_t>(st.st_size);
    void* at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (at == MAP_FAILED) {
        return nullptr;
    }
    std::unique_ptr<TrustIndex> index(new TrustIndex(static_cast<const std::uint8_t*>(at), size));
    Header header;
    std::memcpy(&header, at, sizeof(header));
    const bool whole = header.magic == kMagic && header.checksum == header_checksum(header) &&
                       header.records == (size - sizeof(Header)) / sizeof(Record) &&
                       header.anchors > 0;
    return whole && fits(header, folders, ns(st.st_mtim)) ? std::move(index) : nullptr;
}

TrustIndex::~TrustIndex() {
    (void)munmap(const_cast<std::uint8_t*>(at_), size_);
}

std::size_t TrustIndex::anchors() const noexcept {
    Header header;
    std::memcpy(&header, at_, sizeof(header));
    return header.anchors;
}

std::size_t TrustIndex::intermediates() const noexcept {
    Header header;
    std::memcpy(&header, at_, sizeof(header));
    return header.intermediates;
}

std::vector<IndexedFile> TrustIndex::find(std::uint64_t subject) const {
    const auto record = [this](std::size_t i) {
        Record r;
        std::memcpy(&r, at_ + sizeof(Header) + i * sizeof(Record), sizeof(r));
        return r;
    };
    const std::size_t count = (size_ - sizeof(Header)) / sizeof(Record);
    std::size_t low = 0;
    std::size_t high = count;
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (record(middle).subject < subject) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    std::vector<IndexedFile> found;
    for (; low < count; ++low) {
        const Record r = record(low);
        if (r.subject != subject) {
            break;
        }
        const std::string name(r.name, std::min<std::size_t>(r.length, kNameSize));
        if (r.folder < 2 && !name.empty() && name.find('/') == std::string::npos) {
            found.push_back({r.subject, r.folder, name});
        }
    }
    return found;
}

}  // namespace piv
