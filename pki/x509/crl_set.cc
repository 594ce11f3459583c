#include "pki/x509/crl_set.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pki/base/fd.h"
#include "pki/base/file.h"
#include "pki/x509/base64.h"
#include "pki/x509/crl_index.h"

namespace piv {

namespace {

constexpr std::size_t kMaxCrlFile = std::size_t{1} << 30U;
constexpr std::size_t kMaxPemFile = std::size_t{64} << 20U;

// A file mapped for reading.
class Mapping {
  public:
    Mapping(void* at, const struct stat& st)
        : at_(at), size_(static_cast<std::size_t>(st.st_size)), file_(identity(st)) {}
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() { (void)munmap(at_, size_); }
    [[nodiscard]] ByteView view() const { return {static_cast<const std::uint8_t*>(at_), size_}; }

    [[nodiscard]] const FileIdentity& file() const { return file_; }

  private:
    static FileIdentity identity(const struct stat& st) {
        const auto ns = [](const timespec& t) {
            return static_cast<std::int64_t>(t.tv_sec) * 1000000000 + t.tv_nsec;
        };
        return {static_cast<std::uint64_t>(st.st_dev), static_cast<std::uint64_t>(st.st_ino),
                static_cast<std::uint64_t>(st.st_size), ns(st.st_mtim), ns(st.st_ctim)};
    }
    void* at_;
    std::size_t size_;
    FileIdentity file_;
};

Result<std::shared_ptr<const Mapping>> map_file(const std::string& path) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat st {};
    if (!fd.valid() || fstat(fd.get(), &st) != 0) {
        const bool missing = errno == ENOENT || errno == ENOTDIR;
        return Error(missing ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable,
                     path + ": " + std::strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return Error(ErrorCode::FileUnreadable, path + ": is not a regular file");
    }
    const auto size = static_cast<std::size_t>(st.st_size);
    if (size > kMaxCrlFile) {
        return Error(ErrorCode::FileTooLarge, path);
    }
    if (size == 0) {
        return Error(ErrorCode::CrlUnusable, path + ": is empty");
    }
    void* at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (at == MAP_FAILED) {
        return Error(ErrorCode::FileUnreadable, path + ": " + std::strerror(errno));
    }
    return std::shared_ptr<const Mapping>(std::make_shared<Mapping>(at, st));
}

Status add_view(CrlSet::Data& set, std::shared_ptr<const void> storage, ByteView der,
                const std::string& name) {
    auto list = std::make_unique<CrlList>();
    list->storage = std::move(storage);
    list->name = name;
    if (!read_crl(der, *list)) {
        return Error(ErrorCode::CrlUnusable, name + ": is not a CRL in DER or PEM");
    }
    set.add(std::move(list));
    return {};
}

Status add_pem(CrlSet::Data& set, std::string_view text, const std::string& name) {
    static constexpr std::string_view kBegin = "-----BEGIN X509 CRL-----";
    static constexpr std::string_view kEnd = "-----END X509 CRL-----";
    std::size_t found = 0;
    for (std::size_t at = text.find(kBegin); at != std::string_view::npos;
         at = text.find(kBegin, at)) {
        const std::size_t start = at + kBegin.size();
        const std::size_t end = text.find(kEnd, start);
        auto der = std::make_shared<Bytes>();
        if (end == std::string_view::npos ||
            !base64_decode(text.substr(start, end - start), *der)) {
            return Error(ErrorCode::CrlUnusable, name + ": a damaged PEM block");
        }
        const ByteView view(*der);
        if (Status s = add_view(set, std::move(der), view, name); !s) {
            return s;
        }
        ++found;
        at = end;
    }
    return found > 0 ? Status() : Error(ErrorCode::CrlUnusable, name + ": holds no CRL");
}

bool may_have_table(const CrlSet::Data& set, const CrlList& list) {
    const bool indirect = list.distribution_point && list.distribution_point->indirect;
    return !set.index_folder.empty() && list.mapped && !indirect &&
           list.whole.size() >= kIndexedCrlSize;
}

Status add_file(CrlSet::Data& set, const std::string& path) {
    auto mapping = map_file(path);
    if (!mapping) {
        return std::move(mapping).error();
    }
    const ByteView content = (*mapping)->view();
    if (content[0] == der::kSequence) {
        auto list = std::make_unique<CrlList>();
        list->storage = *mapping;
        list->name = path;
        list->mapped = true;
        list->file = (*mapping)->file();
        if (!read_crl(content, *list)) {
            return Error(ErrorCode::CrlUnusable, path + ": is not a CRL in DER or PEM");
        }
        if (may_have_table(set, *list)) {
            list->index = CrlIndex::open(set.index_folder, *list);
        }
        set.add(std::move(list));
        return {};
    }
    if (content.size() > kMaxPemFile) {
        return Error(ErrorCode::FileTooLarge, path + ": too large for PEM; give DER");
    }
    return add_pem(set, content.text(), path);
}

Status add_path(CrlSet::Data& set, const std::string& path) {
    struct stat st {};
    if (stat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) {
        return add_file(set, path);
    }
    Result<std::vector<std::string>> names = list_folder(path, "");
    if (!names) {
        return std::move(names).error();
    }
    for (const std::string& name : *names) {
        const std::string file = path + "/" + name;
        if (stat(file.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) {
            continue;
        }
        Status s = add_file(set, file);
        if (!s && s.code() != ErrorCode::CrlUnusable) {
            return s;
        }
    }
    return {};
}

// Whole pages of a mapping that have been read: the file still has them.
void give_back(ByteView part) {
    constexpr std::uintptr_t kPage = 4096;
    const std::size_t before =
        (kPage - reinterpret_cast<std::uintptr_t>(part.begin()) % kPage) % kPage;
    const std::size_t after = reinterpret_cast<std::uintptr_t>(part.end()) % kPage;
    if (part.size() > before + after) {
        (void)madvise(const_cast<std::uint8_t*>(part.begin()) + before,
                      part.size() - before - after, MADV_DONTNEED);
    }
}

Bytes spki_sha256(EVP_PKEY* key) {
    std::uint8_t* der = nullptr;
    const int length = key == nullptr ? -1 : i2d_PUBKEY(key, &der);
    Bytes digest(32);
    if (length <= 0 || EVP_Digest(der, static_cast<std::size_t>(length), digest.data(), nullptr,
                                  EVP_sha256(), nullptr) != 1) {
        digest.clear();
    }
    OPENSSL_free(der);
    return digest;
}

}  // namespace

void CrlSet::Data::add(std::unique_ptr<CrlList> list) {
    std::vector<const CrlList*>& same = by_issuer[list->issuer.key()];
    same.insert(std::upper_bound(same.begin(), same.end(), list.get(),
                                 [](const CrlList* a, const CrlList* b) {
                                     return a->this_update > b->this_update;
                                 }),
                list.get());
    lists.push_back(std::move(list));
}

std::vector<const CrlList*> CrlSet::Data::issued_by(const CanonicalName& issuer) const {
    const auto it = by_issuer.find(issuer.key());
    return it == by_issuer.end() ? std::vector<const CrlList*>() : it->second;
}

Result<std::optional<CrlEntry>> CrlSet::Data::find(const CrlList& list, const CanonicalName& issuer,
                                                   ByteView serial) const {
    if (list.index != nullptr) {
        if (issuer != list.issuer) {
            return std::optional<CrlEntry>();
        }
        Result<std::optional<CrlEntry>> found = list.index->find(list, serial);
        if (found) {
            return found;
        }
        CrlIndex::discard(index_folder, list);
        list.index = nullptr;
    }
    return find_entry(list, issuer, serial);
}

Status CrlSet::Data::verify(const CrlList& list, EVP_PKEY* key,
                            const SignaturePolicy& policy) const {
    const bool wants_table = may_have_table(*this, list);
    const Bytes spki = wants_table ? spki_sha256(key) : Bytes();
    if (list.index != nullptr && list.index->verified_by(spki)) {
        return check_signature_algorithm(list.outer_algorithm, policy);
    }
    Status s = verify_signature(list.tbs, list.outer_algorithm, list.signature, key, policy,
                                list.mapped ? give_back : nullptr);
    if (s && wants_table && !spki.empty() && CrlIndex::build(index_folder, list, spki)) {
        list.index = CrlIndex::open(index_folder, list);
    }
    return s;
}

CrlSet::CrlSet() : data_(std::make_unique<Data>()) {}
CrlSet::CrlSet(CrlSet&&) noexcept = default;
CrlSet& CrlSet::operator=(CrlSet&&) noexcept = default;
CrlSet::~CrlSet() = default;

Result<CrlSet> CrlSet::open(const std::vector<std::string>& paths,
                            const std::string& index_folder) {
    CrlSet set;
    set.data_->index_folder = index_folder;
    for (const std::string& path : paths) {
        if (Status s = add_path(*set.data_, path); !s) {
            return std::move(s).error();
        }
    }
    return set;
}

Status CrlSet::add(ByteView der, const std::string& name) {
    auto copy = std::make_shared<Bytes>(der.copy());
    const ByteView view(*copy);
    return add_view(*data_, std::move(copy), view, name);
}

std::size_t CrlSet::size() const noexcept {
    return data_->lists.size();
}

}  // namespace piv
