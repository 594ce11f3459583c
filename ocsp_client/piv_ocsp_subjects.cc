#include "ocsp_client/piv_ocsp_subjects.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "pki/base/file.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

bool names_match(const Certificate& certificate, const Certificate& issuer) noexcept {
    return X509_NAME_cmp(X509_get_issuer_name(certificate.native()),
                         X509_get_subject_name(issuer.native())) == 0;
}

bool issued_by(const Certificate& certificate, const Certificate& issuer) noexcept {
    const bool signed_by = issuer.public_key() != nullptr && names_match(certificate, issuer) &&
                           X509_verify(certificate.native(), issuer.public_key()) == 1;
    ERR_clear_error();
    return signed_by;
}

// By name and key: several CAs may have one name.
const Certificate* find_issuer(const Certificate& certificate,
                               const std::vector<Certificate>& pool) {
    for (const Certificate& candidate : pool) {
        if (issued_by(certificate, candidate)) {
            return &candidate;
        }
    }
    return nullptr;
}

bool contains(const std::vector<Certificate>& pool, const Certificate& certificate) {
    for (const Certificate& one : pool) {
        if (one.der() == certificate.der()) {
            return true;
        }
    }
    return false;
}

Error mismatch(const Certificate& certificate, const Certificate& issuer) {
    if (names_match(certificate, issuer)) {
        return {ErrorCode::OcspIssuerMismatch,
                "the key of '" + issuer.subject() + "' did not sign it: another CA of that name?"};
    }
    return {ErrorCode::OcspIssuerMismatch,
            "issued by '" + certificate.issuer() + "', not by '" + issuer.subject() + "'"};
}

Result<NamedSubject> make_subject(const std::string& name, const Certificate& certificate,
                                  const std::vector<Certificate>& pool) {
    const Certificate* issuer = find_issuer(certificate, pool);
    const Certificate& named = issuer == nullptr ? pool.front() : *issuer;
    auto subject = CertSubject::make(certificate, named);
    if (!subject) {
        return std::move(subject).error();
    }
    return NamedSubject{name, std::move(subject).value(),
                        issuer == nullptr ? Status(mismatch(certificate, named)) : Status()};
}

Status add_file(const std::string& path, const std::vector<Certificate>& pool,
                std::vector<NamedSubject>& out) {
    auto read = read_certificate_file(path);
    if (!read) {
        return std::move(read).error();
    }
    const std::vector<Certificate>& all = read->certificates;
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const bool top = names_match(all[i], all[i]);
        const bool given = contains(pool, all[i]) && find_issuer(all[i], pool) == nullptr;
        if (all.size() == 1 || (!top && !given)) {
            asked.push_back(i);
        }
    }
    if (asked.empty()) {
        asked.push_back(0);
    }
    for (const std::size_t i : asked) {
        const std::string name = i == asked.front() ? path : path + "#" + std::to_string(i + 1);
        auto subject = make_subject(name, all[i], pool);
        if (!subject) {
            return std::move(subject).error();
        }
        out.push_back(std::move(subject).value());
    }
    return {};
}

}  // namespace

Status add_certificates(const std::string& path, std::vector<Certificate>& out) {
    struct stat st {};
    if (stat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) {
        auto read = read_certificate_file(path);
        if (!read) {
            return std::move(read).error();
        }
        out.insert(out.end(), read->certificates.begin(), read->certificates.end());
        return {};
    }
    auto names = list_folder(path, "");
    if (!names) {
        return std::move(names).error();
    }
    const std::size_t before = out.size();
    for (const std::string& name : names.value()) {
        std::string file = path;
        file.append("/").append(name);
        auto read = read_certificate_file(file);
        if (read) {
            out.insert(out.end(), read->certificates.begin(), read->certificates.end());
        }
    }
    if (out.size() == before) {
        return Error(ErrorCode::NoCertificateInFile, path + ": no certificates in this folder");
    }
    return {};
}

Result<std::vector<NamedSubject>> read_subjects(const OcspOptions& options) {
    std::vector<Certificate> pool;
    if (Status s = add_certificates(options.issuer, pool); !s) {
        return std::move(s).error();
    }
    for (const std::string& path : options.cas) {
        if (Status s = add_certificates(path, pool); !s) {
            return std::move(s).error();
        }
    }
    std::vector<NamedSubject> subjects;
    for (const std::string& path : options.certificates) {
        if (Status s = add_file(path, pool, subjects); !s) {
            return std::move(s).error();
        }
    }
    if (!options.save.empty() && subjects.size() != 1) {
        return Error(ErrorCode::BadUsage, "--save takes one certificate at a time");
    }
    return subjects;
}

}  // namespace piv
