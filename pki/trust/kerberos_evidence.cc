#include "pki/trust/kerberos_evidence.h"

#include <algorithm>

#include "pki/config/rooted_file.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

constexpr std::size_t kMaxConfiguration = 1U << 20U;
constexpr std::size_t kMaxFiles = 100;

// "FILE:/a,/b" gives "/a"; other kinds (DIR:, PKCS11:) name no file of ours.
std::string file_of(std::string_view value) {
    constexpr std::string_view kFile = "FILE:";
    if (value.substr(0, kFile.size()) != kFile) {
        return {};
    }
    value.remove_prefix(kFile.size());
    return std::string(value.substr(0, value.find(',')));
}

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    while (!text.empty() && blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

// The PKI of an identity may stand beside its key, which is not read: certificates alone.
void take_identity(const std::string& root, const std::string& path, KerberosEvidence& out) {
    const auto content = read_rooted(root, path, kMaxCertificateFile);
    const auto read =
        content ? read_certificates(*content, path) : Result<ReadCertificates>(content.error());
    if (read) {
        out.kdcs.push_back(read->certificates.front());
    }
}

void take_configuration(const std::string& root, const std::string& path, KerberosEvidence& out) {
    const auto content = read_rooted(root, path, kMaxConfiguration);
    if (!content) {
        return;
    }
    std::string_view text = ByteView(*content).text();
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) {
            continue;
        }
        const std::string_view key = trimmed(line.substr(0, equals));
        const std::string file = file_of(trimmed(line.substr(equals + 1)));
        if (file.empty()) {
            continue;
        }
        if (key == "pkinit_anchors" || key == "pkinit_pool") {
            out.anchors.push_back({path, file});
        } else if (key == "pkinit_identity") {
            take_identity(root, file, out);
        }
    }
}

}  // namespace

KerberosEvidence kerberos_evidence(const std::string& root) {
    KerberosEvidence out;
    for (const char* path : {"/etc/krb5.conf", "/etc/krb5kdc/kdc.conf",
                             "/var/kerberos/krb5kdc/kdc.conf", "/var/lib/krb5kdc/kdc.conf"}) {
        take_configuration(root, path, out);
    }
    const std::string drop_ins = "/etc/krb5.conf.d";
    const auto folder = RootedFolder::open(root, drop_ins);
    const auto names = folder ? folder->list("") : Result<std::vector<std::string>>(folder.error());
    for (std::size_t i = 0; names && i < std::min(names->size(), kMaxFiles); ++i) {
        take_configuration(root, drop_ins + "/" + (*names)[i], out);
    }
    return out;
}

}  // namespace piv
