#include "pki/x509/trust_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "pki/base/file.h"
#include "pki/x509/certificate_fields.h"
#include "pki/x509/certificate_reader.h"
#include "pki/x509/trust_index.h"

namespace piv {

namespace {

bool is_folder(const std::string& path) {
    struct stat st {};
    return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

Result<std::vector<Certificate>> read_one(const std::string& path, Ownership owner) {
    Result<Bytes> content = read_file_checked(path, kMaxCertificateFile, owner);
    if (!content) {
        return std::move(content).error();
    }
    Result<ReadCertificates> read = read_certificates(*content, path);
    if (!read) {
        return std::move(read).error();
    }
    return std::move(read->certificates);
}

struct FromFile {
    Certificate certificate;
    std::string name;  // in its folder
};

// A file, or the files of a folder that end in `suffix`.
Result<std::vector<FromFile>> read_all(const std::string& path, std::string_view suffix,
                                       Ownership owner) {
    std::vector<FromFile> all;
    if (!is_folder(path)) {
        Result<std::vector<Certificate>> some = read_one(path, owner);
        if (!some) {
            return std::move(some).error();
        }
        for (Certificate& c : *some) {
            all.push_back({std::move(c), ""});
        }
        return all;
    }
    Result<std::vector<std::string>> names = list_folder(path, suffix);
    if (!names) {
        return std::move(names).error();
    }
    for (const std::string& name : *names) {
        const std::string file = path + "/" + name;
        if (is_folder(file)) {
            continue;
        }
        Result<std::vector<Certificate>> some = read_one(file, owner);
        if (!some) {
            return std::move(some).error();
        }
        for (Certificate& c : *some) {
            all.push_back({std::move(c), name});
        }
    }
    return all;
}

}  // namespace

struct TrustStore::Data {
    std::vector<Candidate> entries;
    std::unordered_map<std::string, std::vector<std::size_t>> by_subject;
    std::size_t anchors = 0;

    // Only for an installed store
    TrustIndex::Folders folders;
    Ownership owner = Ownership::Any;
    std::string index_file;
    std::unique_ptr<TrustIndex> index;  // nullptr: everything is in `entries`
    std::unordered_set<std::string> looked_up;

    void add(Certificate certificate, bool anchor);
    Status read_folders();
    bool load(const std::string& subject_key);
    [[nodiscard]] std::vector<Candidate> named(const std::string& subject_key) const;
    void read_everything();
};

void TrustStore::Data::add(Certificate certificate, bool anchor) {
    std::vector<std::size_t>& same = by_subject[certificate.fields().subject_name.key()];
    for (const std::size_t i : same) {
        if (entries[i].certificate.sha256_hex() == certificate.sha256_hex()) {
            anchors += anchor && !entries[i].anchor ? 1 : 0;
            entries[i].anchor = entries[i].anchor || anchor;
            return;
        }
    }
    same.push_back(entries.size());
    anchors += anchor ? 1 : 0;
    entries.push_back({std::move(certificate), anchor});
}

// Everything that is installed; then writes the index when there is enough to be worth one.
Status TrustStore::Data::read_folders() {
    static constexpr std::size_t kWorthAnIndex = 8;
    const TrustIndex::Identities before = TrustIndex::look(folders);
    std::vector<IndexedFile> files;
    bool indexable = !index_file.empty();
    for (std::uint32_t i = 0; i < folders.size(); ++i) {
        if (folders[i].empty()) {
            continue;
        }
        Result<std::vector<FromFile>> all = read_all(folders[i], ".pem", owner);
        if (!all) {
            if (all.code() == ErrorCode::FileNotFound) {
                continue;
            }
            return std::move(all).error();
        }
        for (FromFile& f : *all) {
            indexable = indexable && !f.name.empty();
            files.push_back(
                {TrustIndex::hash(f.certificate.fields().subject_name.key()), i, f.name});
            add(std::move(f.certificate), i == 0);
        }
    }
    if (anchors == 0) {
        return Error(ErrorCode::NoTrustAnchors, folders[0]);
    }
    if (indexable && files.size() >= kWorthAnIndex) {
        const std::size_t all = entries.size();
        // A folder that cannot be written to only costs time.
        (void)TrustIndex::write(index_file, before, std::move(files), anchors, all - anchors);
    }
    return {};
}

// Reads what the index names for a subject. False when it names nothing, or not what is there.
bool TrustStore::Data::load(const std::string& subject_key) {
    const std::vector<IndexedFile> files = index->find(TrustIndex::hash(subject_key));
    bool found = false;
    for (const IndexedFile& file : files) {
        const std::string path = folders[file.folder] + "/" + file.name;
        Result<std::vector<Certificate>> some = read_one(path, owner);
        if (!some) {
            return false;
        }
        for (Certificate& c : *some) {
            if (c.fields().subject_name.key() == subject_key) {
                add(std::move(c), file.folder == 0);
                found = true;
            }
        }
    }
    return found;
}

std::vector<TrustStore::Candidate> TrustStore::Data::named(const std::string& subject_key) const {
    std::vector<Candidate> found;
    const auto it = by_subject.find(subject_key);
    if (it != by_subject.end()) {
        for (const std::size_t i : it->second) {
            found.push_back(entries[i]);
        }
    }
    return found;
}

void TrustStore::Data::read_everything() {
    index = nullptr;
    entries.clear();
    by_subject.clear();
    anchors = 0;
    (void)read_folders();  // fewer candidates, never more
}

TrustStore::TrustStore() : data_(std::make_unique<Data>()) {}
TrustStore::TrustStore(TrustStore&&) noexcept = default;
TrustStore& TrustStore::operator=(TrustStore&&) noexcept = default;
TrustStore::~TrustStore() = default;

Result<TrustStore> TrustStore::open(const std::string& anchors, const std::string& intermediates,
                                    bool require_root_owned, const std::string& index_file) {
    TrustStore store;
    Data& d = *store.data_;
    d.folders = {anchors, intermediates};
    d.owner = require_root_owned ? Ownership::RootOnly : Ownership::Any;
    d.index_file = index_file;
    if (!index_file.empty()) {
        d.index = TrustIndex::open(index_file, d.folders);
    }
    if (d.index == nullptr) {
        if (Status s = d.read_folders(); !s) {
            return std::move(s).error();
        }
    }
    return store;
}

Result<TrustStore> TrustStore::from_paths(const std::vector<std::string>& paths) {
    std::vector<Certificate> all;
    for (const std::string& path : paths) {
        Result<std::vector<FromFile>> some = read_all(path, "", Ownership::Any);
        if (!some) {
            return std::move(some).error();
        }
        for (FromFile& f : *some) {
            all.push_back(std::move(f.certificate));
        }
    }
    const bool any_root =
        std::any_of(all.begin(), all.end(), [](const Certificate& c) { return c.self_signed(); });
    TrustStore store;
    for (Certificate& c : all) {
        const bool anchor = !any_root || c.self_signed();
        store.data_->add(std::move(c), anchor);
    }
    if (store.anchor_count() == 0) {
        return Error(ErrorCode::NoTrustAnchors, paths.empty() ? "no CA given" : paths.front());
    }
    return store;
}

void TrustStore::add_anchor(Certificate certificate) {
    data_->add(std::move(certificate), true);
}
void TrustStore::add_intermediate(Certificate certificate) {
    data_->add(std::move(certificate), false);
}

std::vector<TrustStore::Candidate> TrustStore::named(const CanonicalName& subject) const {
    const std::string key = subject.key();
    if (data_->index != nullptr && data_->looked_up.insert(key).second) {
        (void)data_->load(key);
    }
    return data_->named(key);
}

std::vector<TrustStore::Candidate> TrustStore::issuers_of(const Certificate& child) const {
    const std::string key = child.fields().issuer_name.key();
    if (data_->index != nullptr && data_->looked_up.count(key) == 0) {
        data_->looked_up.insert(key);
        if (!data_->load(key)) {
            data_->read_everything();  // the index is only a hint
        }
    }
    std::vector<Candidate> found = data_->named(key);
    std::stable_sort(found.begin(), found.end(), [&child](const Candidate& a, const Candidate& b) {
        return issuer_preference(child, a) < issuer_preference(child, b);
    });
    return found;
}

bool TrustStore::contains_anchor(const Certificate& certificate) const {
    const std::vector<Candidate> found = named(certificate.fields().subject_name);
    return std::any_of(found.begin(), found.end(), [&certificate](const Candidate& c) {
        return c.anchor && c.certificate.sha256_hex() == certificate.sha256_hex();
    });
}

std::size_t TrustStore::anchor_count() const noexcept {
    return data_->index != nullptr ? data_->index->anchors() : data_->anchors;
}
std::size_t TrustStore::intermediate_count() const noexcept {
    return data_->index != nullptr ? data_->index->intermediates()
                                   : data_->entries.size() - data_->anchors;
}
std::vector<TrustStore::Candidate> TrustStore::all() const {
    if (data_->index != nullptr) {
        data_->read_everything();
    }
    return data_->entries;
}

}  // namespace piv
