#include "pki/x509/trust_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>

#include "pki/base/file.h"
#include "pki/x509/certificate_fields.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

struct TrustStore::Data {
    std::vector<Candidate> entries;
    std::unordered_map<std::string, std::vector<std::size_t>> by_subject;
    std::size_t anchors = 0;

    void add(Certificate certificate, bool anchor) {
        const auto& same = by_subject[certificate.fields().subject_name.key()];
        for (const std::size_t i : same) {
            if (entries[i].certificate.sha256_hex() == certificate.sha256_hex()) {
                if (anchor && !entries[i].anchor) {
                    entries[i].anchor = true;
                    ++anchors;
                }
                return;
            }
        }
        by_subject[certificate.fields().subject_name.key()].push_back(entries.size());
        anchors += anchor ? 1 : 0;
        entries.push_back({std::move(certificate), anchor});
    }
};

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

// A file, or the files of a folder that end in `suffix`.
Result<std::vector<Certificate>> read_all(const std::string& path, std::string_view suffix,
                                          Ownership owner) {
    if (!is_folder(path)) {
        return read_one(path, owner);
    }
    Result<std::vector<std::string>> names = list_folder(path, suffix);
    if (!names) {
        return std::move(names).error();
    }
    std::vector<Certificate> all;
    for (const std::string& name : *names) {
        const std::string file = path + "/" + name;
        if (is_folder(file)) {
            continue;
        }
        Result<std::vector<Certificate>> some = read_one(file, owner);
        if (!some) {
            return std::move(some).error();
        }
        all.insert(all.end(), some->begin(), some->end());
    }
    return all;
}

}  // namespace

TrustStore::TrustStore() : data_(std::make_unique<Data>()) {}
TrustStore::TrustStore(TrustStore&&) noexcept = default;
TrustStore& TrustStore::operator=(TrustStore&&) noexcept = default;
TrustStore::~TrustStore() = default;

Result<TrustStore> TrustStore::open(const std::string& anchors, const std::string& intermediates,
                                    bool require_root_owned) {
    const Ownership owner = require_root_owned ? Ownership::RootOnly : Ownership::Any;
    TrustStore store;
    Result<std::vector<Certificate>> roots = read_all(anchors, ".pem", owner);
    if (!roots && roots.code() != ErrorCode::FileNotFound) {
        return std::move(roots).error();
    }
    if (!roots || roots->empty()) {
        return Error(ErrorCode::NoTrustAnchors, anchors);
    }
    for (Certificate& c : *roots) {
        store.add_anchor(std::move(c));
    }
    if (intermediates.empty()) {
        return store;
    }
    Result<std::vector<Certificate>> others = read_all(intermediates, ".pem", owner);
    if (!others) {
        if (others.code() == ErrorCode::FileNotFound) {
            return store;
        }
        return std::move(others).error();
    }
    for (Certificate& c : *others) {
        store.add_intermediate(std::move(c));
    }
    return store;
}

Result<TrustStore> TrustStore::from_paths(const std::vector<std::string>& paths) {
    std::vector<Certificate> all;
    for (const std::string& path : paths) {
        Result<std::vector<Certificate>> some = read_all(path, "", Ownership::Any);
        if (!some) {
            return std::move(some).error();
        }
        all.insert(all.end(), some->begin(), some->end());
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
    std::vector<Candidate> found;
    const auto it = data_->by_subject.find(subject.key());
    if (it != data_->by_subject.end()) {
        for (const std::size_t i : it->second) {
            found.push_back(data_->entries[i]);
        }
    }
    return found;
}

std::vector<TrustStore::Candidate> TrustStore::issuers_of(const Certificate& child) const {
    std::vector<Candidate> found = named(child.fields().issuer_name);
    std::stable_sort(found.begin(), found.end(), [&child](const Candidate& a, const Candidate& b) {
        return issuer_preference(child, a) < issuer_preference(child, b);
    });
    return found;
}

bool TrustStore::contains_anchor(const Certificate& certificate) const {
    const auto it = data_->by_subject.find(certificate.fields().subject_name.key());
    return it != data_->by_subject.end() &&
           std::any_of(it->second.begin(), it->second.end(), [&](std::size_t i) {
               const Candidate& c = data_->entries[i];
               return c.anchor && c.certificate.sha256_hex() == certificate.sha256_hex();
           });
}

std::size_t TrustStore::anchor_count() const noexcept {
    return data_->anchors;
}
std::size_t TrustStore::intermediate_count() const noexcept {
    return data_->entries.size() - data_->anchors;
}
std::vector<TrustStore::Candidate> TrustStore::all() const {
    return data_->entries;
}

}  // namespace piv
