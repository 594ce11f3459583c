#include "image_builder/ca_input.h"

#include <set>

#include "image_builder/plan.h"
#include "pki/base/file.h"

namespace piv {

std::string file_name_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string display_name(const Certificate& certificate) {
    const std::string subject = certificate.subject();
    return subject.empty() ? "SHA-256 " + certificate.sha256_hex() : subject;
}

CaInputs read_ca_files(const std::vector<std::string>& paths) {
    CaInputs inputs;
    std::set<std::string> seen;
    for (const std::string& path : paths) {
        Result<Bytes> content = read_file(path, kMaxCertificateFile);
        if (!content) {
            // A file of the wrong kind is bad input as much as one of the wrong content.
            inputs.problems.push_back({content.error().detail,
                                       std::string(info(content.code()).hint),
                                       ErrorCode::ImageInput});
            continue;
        }
        Result<ReadCertificates> read = read_certificates(*content, path);
        if (!read) {
            inputs.problems.push_back({read.error().detail.empty() ? path : read.error().detail,
                                       std::string(info(read.code()).hint), read.code()});
            continue;
        }
        const std::string digest = sha256_hex(*content);
        for (Certificate& certificate : read->certificates) {
            if (seen.insert(certificate.sha256_hex()).second) {
                inputs.certificates.push_back(
                    {std::move(certificate), file_name_of(path), digest, read->form});
            }
        }
    }
    return inputs;
}

}  // namespace piv
