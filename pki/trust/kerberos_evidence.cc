#include "pki/trust/kerberos_evidence.h"

#include <algorithm>
#include <set>

#include "pki/config/rooted_file.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

constexpr std::size_t kMaxConfiguration = 1U << 20U;
constexpr std::size_t kMaxFiles = 100;  // of a folder, and of configurations in all
constexpr int kMaxDepth = 4;            // of files that include files

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

// `value` without `prefix`, and only up to a comma; empty when it begins otherwise.
std::string after(std::string_view prefix, std::string_view value) {
    if (value.substr(0, prefix.size()) != prefix) {
        return {};
    }
    value.remove_prefix(prefix.size());
    return std::string(value.substr(0, value.find(',')));
}

std::vector<std::string> files_of(const std::string& root, const std::string& folder,
                                  std::string_view suffix) {
    const auto opened = RootedFolder::open(root, folder);
    auto names = opened ? opened->list(suffix) : Result<std::vector<std::string>>(opened.error());
    std::vector<std::string> out;
    for (std::size_t i = 0; names && i < std::min(names->size(), kMaxFiles); ++i) {
        out.push_back(folder + "/" + (*names)[i]);
    }
    return out;
}

// "FILE:/a,/b" names /a, "DIR:/a" what is in /a; other kinds (PKCS11:) name nothing of ours.
std::vector<std::string> named_files(const std::string& root, std::string_view value,
                                     std::string_view suffix) {
    if (const std::string file = after("FILE:", value); !file.empty()) {
        return {file};
    }
    std::string folder = after("DIR:", value);
    while (folder.size() > 1 && folder.back() == '/') {
        folder.pop_back();
    }
    return folder.empty() ? std::vector<std::string>() : files_of(root, folder, suffix);
}

std::vector<Certificate> certificates_of(const std::string& root, const std::string& path) {
    const auto content = read_rooted(root, path, kMaxCertificateFile);
    auto read =
        content ? read_certificates(*content, path) : Result<ReadCertificates>(content.error());
    return read ? std::move(read->certificates) : std::vector<Certificate>();
}

class Reader {
  public:
    Reader(const std::string& root, KerberosEvidence& out) : root_(root), out_(out) {}
    void take(const std::string& path, int depth);

  private:
    void take_setting(const std::string& path, std::string_view key, std::string_view value);
    const std::string& root_;
    KerberosEvidence& out_;
    std::set<std::string> seen_;  // configurations
};

void Reader::take_setting(const std::string& path, std::string_view key, std::string_view value) {
    if (value.size() > 1 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
    }
    if (key == "pkinit_anchors" || key == "pkinit_pool") {
        for (const std::string& file : named_files(root_, value, "")) {
            KerberosFile named{path, file, value.substr(0, 4) == "DIR:", {}};
            for (const Certificate& c : certificates_of(root_, file)) {
                named.sha256.push_back(c.sha256_hex());
            }
            out_.anchors.push_back(std::move(named));
        }
    } else if (key == "pkinit_identity") {
        for (const std::string& file : named_files(root_, value, ".crt")) {
            const auto found = certificates_of(root_, file);
            if (!found.empty()) {
                out_.kdcs.push_back(found.front());
            }
        }
    }
}

void Reader::take(const std::string& path, int depth) {
    if (seen_.size() >= kMaxFiles || !seen_.insert(path).second) {
        return;
    }
    const auto content = read_rooted(root_, path, kMaxConfiguration);
    if (!content) {
        return;
    }
    std::string_view text = ByteView(*content).text();
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = line.find('=');
        if (equals != std::string_view::npos) {
            take_setting(path, trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
        } else if (depth < kMaxDepth && line.substr(0, 8) == "include ") {
            take(std::string(trimmed(line.substr(8))), depth + 1);
        } else if (depth < kMaxDepth && line.substr(0, 11) == "includedir ") {
            for (const std::string& file :
                 files_of(root_, std::string(trimmed(line.substr(11))), "")) {
                take(file, depth + 1);
            }
        }
    }
}

}  // namespace

KerberosEvidence kerberos_evidence(const std::string& root) {
    KerberosEvidence out;
    Reader reader(root, out);
    for (const char* path : {"/etc/krb5.conf", "/etc/krb5kdc/kdc.conf",
                             "/var/kerberos/krb5kdc/kdc.conf", "/var/lib/krb5kdc/kdc.conf"}) {
        reader.take(path, 0);
    }
    for (const std::string& file : files_of(root, "/etc/krb5.conf.d", "")) {
        reader.take(file, kMaxDepth);
    }
    return out;
}

}  // namespace piv
