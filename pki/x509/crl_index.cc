#include "pki/x509/crl_index.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "pki/base/fd.h"

namespace piv {

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kRecordsPerPage = 510;
constexpr std::size_t kFill = 360;  // records per page aimed at: 510 is 8 standard deviations away
constexpr std::uint64_t kMagic = 0x3230584c52435649;  // also tells the byte order

struct Header {
    std::uint64_t magic = kMagic;
    FileIdentity file;
    std::uint8_t signer[32] = {};
    std::uint8_t salt[16] = {};
    std::uint64_t pages = 0;
    std::uint64_t checksum = 0;  // of everything above
};

struct Record {
    std::uint32_t tag = 0;     // upper half of the hash of the serial number
    std::uint32_t offset = 0;  // of the entry's element in the file, which has at most 1 GiB
};

struct Page {
    std::uint64_t checksum = 0;
    std::uint64_t count = 0;
    Record records[kRecordsPerPage] = {};
};
static_assert(offsetof(Header, checksum) % 8 == 0, "whole words");
static_assert(sizeof(Page) == kPage, "a page of the table is a page of the file");

std::uint64_t mixed(std::uint64_t h, std::uint64_t word) noexcept {
    h ^= word;
    h *= 0xff51afd7ed558ccdU;
    h ^= h >> 33U;
    h *= 0xc4ceb9fe1a85ec53U;
    return h ^ (h >> 29U);
}

// Finds what a crash, a full disk or another table left behind; who may write the table may write the
// trust anchors too. `content` is a multiple of 8 octets.
std::uint64_t checksum(const std::uint8_t (&salt)[16], std::uint64_t number,
                       ByteView content) noexcept {
    std::uint64_t h = number;
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < sizeof(salt); i += sizeof(word)) {
        std::memcpy(&word, salt + i, sizeof(word));
        h = mixed(h, word);
    }
    for (std::size_t i = 0; i < content.size(); i += sizeof(word)) {
        std::memcpy(&word, content.data() + i, sizeof(word));
        h = mixed(h, word);
    }
    return h;
}

std::uint64_t header_checksum(const Header& header) {
    return checksum(
        header.salt, UINT64_MAX,
        ByteView(reinterpret_cast<const std::uint8_t*>(&header), offsetof(Header, checksum)));
}

std::uint64_t page_checksum(const Header& header, std::uint64_t number, const Page& page) {
    return checksum(header.salt, number,
                    ByteView(reinterpret_cast<const std::uint8_t*>(&page) + sizeof(page.checksum),
                             sizeof(page) - sizeof(page.checksum)));
}

// Spreads serial numbers over pages. Not for security: the CA chooses them, and a match is compared.
std::uint64_t hash_of(const Header& header, ByteView serial) {
    std::uint64_t h = 0;
    std::memcpy(&h, header.salt, sizeof(h));
    h = mixed(h, serial.size());
    for (std::size_t i = 0; i < serial.size(); i += 8) {
        std::uint64_t word = 0;
        const std::size_t left = serial.size() - i;
        std::memcpy(&word, serial.data() + i, left < 8 ? left : 8);
        h = mixed(h, word);
    }
    return h;
}

std::string table_path(const std::string& folder, const CrlList& list) {
    std::uint8_t digest[EVP_MAX_MD_SIZE] = {};
    unsigned length = 0;
    (void)EVP_Digest(list.name.data(), list.name.size(), digest, &length, EVP_sha256(), nullptr);
    return folder + "/crl-" + to_hex(ByteView(digest, 16)) + ".index";
}

bool same_file(const FileIdentity& a, const FileIdentity& b) {
    return a.device == b.device && a.inode == b.inode && a.size == b.size &&
           a.modified_ns == b.modified_ns && a.changed_ns == b.changed_ns;
}

bool trusted_owner(const struct stat& st) {
    return (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & 022U) == 0;
}

// Pages of a mapped file that have been read are given back: a list of any size takes little memory.
void release(const CrlList& list, const std::uint8_t* upto, const std::uint8_t*& from) {
    constexpr std::uintptr_t kStep = std::uintptr_t{4} << 20U;
    if (!list.mapped || upto < from + kStep) {
        return;
    }
    const std::uint8_t* start = from - reinterpret_cast<std::uintptr_t>(from) % kPage;
    const std::uint8_t* end = upto - reinterpret_cast<std::uintptr_t>(upto) % kPage;
    if (end > start) {
        (void)madvise(const_cast<std::uint8_t*>(start), static_cast<std::size_t>(end - start),
                      MADV_DONTNEED);
    }
    from = upto;
}

// False when a page is too full: try with more of them.
Result<bool> fill(const CrlList& list, const Header& header, std::vector<Page>& pages) {
    CrlEntryReader reader(list);
    CrlEntry entry;
    const std::uint8_t* released = list.entries.data();
    for (;;) {
        const CrlEntryReader::Step step = reader.next(entry);
        if (step == CrlEntryReader::Step::End) {
            return true;
        }
        if (step == CrlEntryReader::Step::Malformed) {
            return Error(ErrorCode::CrlUnusable, list.name + ": a malformed or critical entry");
        }
        const std::uint64_t hash = hash_of(header, entry.serial);
        Page& page = pages[hash % pages.size()];
        if (page.count == kRecordsPerPage) {
            return false;
        }
        page.records[page.count] = {
            static_cast<std::uint32_t>(hash >> 32U),
            static_cast<std::uint32_t>(entry.whole.data() - list.whole.data())};
        ++page.count;
        release(list, entry.whole.data(), released);
        __builtin_prefetch(entry.whole.end() + 256);
    }
}

bool write_all(int fd, const void* data, std::size_t size) {
    const auto* p = static_cast<const std::uint8_t*>(data);
    while (size > 0) {
        const ssize_t n = write(fd, p, size);
        if (n > 0) {
            p += n;
            size -= static_cast<std::size_t>(n);
        } else if (n == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

// No fsync: what a crash leaves is found by the checksums.
Status write_table(const std::string& path, const Header& header, const std::vector<Page>& pages) {
    std::string temporary = path + ".tmp-XXXXXX";
    const UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd.valid()) {
        return Error(ErrorCode::WriteFailed, path + ": " + std::strerror(errno));
    }
    std::uint8_t first[kPage] = {};
    std::memcpy(first, &header, sizeof(header));
    const bool good = write_all(fd.get(), first, sizeof(first)) &&
                      write_all(fd.get(), pages.data(), pages.size() * sizeof(Page)) &&
                      rename(temporary.c_str(), path.c_str()) == 0;
    if (!good) {
        const int error = errno;
        (void)unlink(temporary.c_str());
        return Error(ErrorCode::WriteFailed, path + ": " + std::strerror(error));
    }
    return {};
}

}  // namespace

Status CrlIndex::build(const std::string& folder, const CrlList& list,
                       ByteView signer_spki_sha256) {
    if (list.entries.empty() || list.whole.size() > UINT32_MAX || signer_spki_sha256.size() != 32) {
        return Error(ErrorCode::CrlUnusable, list.name + ": no entries");
    }
    Header header;
    header.file = list.file;
    std::memcpy(header.signer, signer_spki_sha256.data(), sizeof(header.signer));
    if (RAND_bytes(header.salt, sizeof(header.salt)) != 1) {
        return Error(ErrorCode::Internal, "the random generator failed");
    }
    der::Element first;
    if (!der::Reader(list.entries).any(first)) {
        return Error(ErrorCode::CrlUnusable, list.name + ": a malformed entry");
    }
    std::size_t expected = list.entries.size() / first.whole.size() / kFill + 1;
    std::vector<Page> pages;
    for (;;) {
        pages.assign(expected, Page());
        Result<bool> filled = fill(list, header, pages);
        if (!filled) {
            return std::move(filled).error();
        }
        if (*filled) {
            break;
        }
        expected = expected * 3 / 2 + 1;
        if (expected > list.entries.size()) {  // one serial, again and again
            return Error(ErrorCode::CrlUnusable, list.name + ": repeated entries");
        }
    }
    header.pages = pages.size();
    header.checksum = header_checksum(header);
    for (std::size_t i = 0; i < pages.size(); ++i) {
        pages[i].checksum = page_checksum(header, i, pages[i]);
    }
    return write_table(table_path(folder, list), header, pages);
}

std::shared_ptr<const CrlIndex> CrlIndex::open(const std::string& folder, const CrlList& list) {
    const UniqueFd fd(
        ::open(table_path(folder, list).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat st {};
    if (!fd.valid() || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || !trusted_owner(st) ||
        st.st_size < static_cast<off_t>(2 * kPage) || st.st_size % static_cast<off_t>(kPage) != 0) {
        return nullptr;
    }
    const auto size = static_cast<std::size_t>(st.st_size);
    void* at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (at == MAP_FAILED) {
        return nullptr;
    }
    const std::shared_ptr<const CrlIndex> index(
        new CrlIndex(static_cast<const std::uint8_t*>(at), size));
    Header header;
    std::memcpy(&header, at, sizeof(header));
    const bool good = header.magic == kMagic && header.checksum == header_checksum(header) &&
                      same_file(header.file, list.file) && header.pages == size / kPage - 1;
    return good ? index : nullptr;
}

void CrlIndex::discard(const std::string& folder, const CrlList& list) {
    (void)unlink(table_path(folder, list).c_str());
}

CrlIndex::~CrlIndex() {
    (void)munmap(const_cast<std::uint8_t*>(at_), size_);
}

bool CrlIndex::verified_by(ByteView spki_sha256) const noexcept {
    return ByteView(at_ + offsetof(Header, signer), 32) == spki_sha256;
}

Result<std::optional<CrlEntry>> CrlIndex::find(const CrlList& list, ByteView serial) const {
    Header header;
    std::memcpy(&header, at_, sizeof(header));
    const std::uint64_t hash = hash_of(header, serial);
    const std::uint64_t number = hash % header.pages;
    Page page;
    std::memcpy(&page, at_ + (number + 1) * kPage, sizeof(page));
    const Error damaged(ErrorCode::CrlUnusable, list.name + ": its lookup table is damaged");
    if (page.checksum != page_checksum(header, number, page) || page.count > kRecordsPerPage) {
        return damaged;
    }
    std::optional<CrlEntry> found;
    for (std::uint64_t i = 0; i < page.count; ++i) {
        if (page.records[i].tag != static_cast<std::uint32_t>(hash >> 32U)) {
            continue;
        }
        CrlEntry entry;
        if (!read_entry_at(list, page.records[i].offset, entry)) {
            return damaged;
        }
        if (entry.serial == serial) {
            found = entry;
        }
    }
    return found;
}

}  // namespace piv
