#include "image_builder/trust_copies.h"

#include <openssl/x509.h>

#include <algorithm>
#include <cstdio>
#include <set>

namespace piv {

namespace {

constexpr char kRedHatSource[] = "/etc/pki/ca-trust/source/anchors";
constexpr char kDebianSource[] = "/usr/local/share/ca-certificates";
constexpr char kSssdBundle[] = "/etc/sssd/pki/sssd_auth_ca_db.pem";
constexpr char kPkcs11Folder[] = "/etc/pam_pkcs11/cacerts";
constexpr char kPkcs11Config[] = "/etc/pam_pkcs11/pam_pkcs11.conf";

// X509_NAME_hash(): the name of a hash link since OpenSSL 1.0.0, the same in 1.1.1 and 3.x.
std::string subject_hash(const Certificate& certificate) {
    char text[9];
    (void)std::snprintf(text, sizeof text, "%08lx",
                        X509_subject_name_hash(certificate.native()) & 0xffffffffUL);
    return text;
}

class Copier {
  public:
    Copier(const Tree& tree, const std::vector<LintedCa>& chain, const TrustCopySettings& settings,
           StagePlan& plan)
        : tree_(tree), chain_(chain), settings_(settings), plan_(plan) {}

    Findings run() {
        if (settings_.system_trust) {
            system_trust();
        }
        if (settings_.sssd) {
            sssd();
        }
        if (settings_.pam_pkcs11) {
            pam_pkcs11();
        }
        return std::move(out_);
    }

  private:
    void problem(std::string what, std::string hint, ErrorCode code = ErrorCode::ImageTree) {
        out_.problems.push_back({std::move(what), std::move(hint), code});
    }
    void warning(std::string what, std::string hint) {
        out_.warnings.push_back({std::move(what), std::move(hint), ErrorCode::ImageTree});
    }

    // Roots only: an intermediate in that folder becomes an anchor, and taking trust from its root
    // would no longer reach it.
    void system_trust() {
        const std::string folder = settings_.debian ? kDebianSource : kRedHatSource;
        for (const LintedCa& ca : chain_) {
            if (ca.anchor) {
                const Certificate& c = ca.input.certificate;
                plan_.add_file(folder + "/piv-login-" + c.sha256_hex().substr(0, 8) +
                                   (settings_.debian ? ".crt" : ".pem"),
                               to_pem(c), Phase::Inert,
                               "--system-trust: programs of this image will trust this root for "
                               "every purpose");
            }
        }
        const std::string command = trust_store_command(folder + "/");
        plan_.notes.push_back("--system-trust: run in the image: " + command +
                              "; until then no program sees the new roots");
        plan_.notes.push_back(
            "--system-trust: whoever holds the key of a card CA can then also "
            "make TLS servers that this image believes");
        const char* tool =
            settings_.debian ? "/usr/sbin/update-ca-certificates" : "/usr/bin/update-ca-trust";
        if (!tree_.exists(tool)) {
            warning(std::string(tool) + " is not in this tree, and nothing else reads " + folder,
                    "install the package ca-certificates into the image");
        }
    }

    // Text of a bundle that others may have certificates in, with ours: roots first, since there are
    // checks that read the first certificate only.
    void merge(const std::string& path, const std::string& reason) {
        const Result<std::string> at = tree_.follow(path);
        if (!at) {
            problem(at.error().detail, "repair the link, or take it away");
            return;
        }
        const Result<Node> node = tree_.node(*at);
        const bool present = node.ok() && node->kind != NodeKind::Absent;
        std::string kept;
        std::set<std::string> known;
        if (present) {
            const Result<std::string> text = tree_.read(*at);
            if (!text) {
                problem(path + ": cannot be read: " + text.error().detail, "look at that file");
                return;
            }
            kept = *text;
            if (kept.find_first_not_of(" \t\r\n") != std::string::npos) {
                const Result<ReadCertificates> read = read_certificates(ByteView(kept), path);
                if (!read || read->form != FileForm::Pem) {
                    problem(path + ": is no PEM file of certificates, so nothing is added to it",
                            "move it away, or make it one: openssl x509 -in FILE -out FILE",
                            ErrorCode::ImageInput);
                    return;
                }
                for (const Certificate& c : read->certificates) {
                    known.insert(c.sha256_hex());
                }
            }
        }
        if (!kept.empty() && kept.back() != '\n') {
            kept += '\n';
        }
        std::string roots;
        std::string rest;
        for (const LintedCa& ca : chain_) {
            const Certificate& c = ca.input.certificate;
            if (known.count(c.sha256_hex()) == 0) {
                (ca.anchor ? roots : rest) += to_pem(c);
            }
        }
        if (present && roots.empty() && rest.empty()) {
            return;  // it has them all
        }
        plan_.add_file(*at, roots + kept + rest, Phase::Inert, reason);
        owner_as_found(plan_.entries.back(), node);
    }

    // As the file is, or as its folder wants it: SSSD since 2.10 is no longer root and keeps
    // root:sssd 0750 on the folder.
    void owner_as_found(PlanEntry& entry, const Result<Node>& file) const {
        if (file.ok() && file->kind == NodeKind::File) {
            entry.mode = file->mode & 0777U;
            entry.uid = file->uid;
            entry.gid = file->gid;
            return;
        }
        const Result<Node> folder = tree_.node(parent_path(entry.path));
        if (folder.ok() && folder->kind == NodeKind::Folder && folder->gid != 0) {
            entry.gid = folder->gid;
            entry.mode = 0640;
        }
    }

    void sssd() {
        merge(kSssdBundle, "--compat sssd: SSSD's own list of CAs");
        if (!tree_.exists("/usr/sbin/sssd")) {
            warning("SSSD is not in this tree; " + std::string(kSssdBundle) + " is for it alone",
                    "install sssd into the image, or leave out --compat sssd");
        }
        plan_.notes.emplace_back(
            "--compat sssd: only the CAs are set up; pam_cert_auth of SSSD stays as it is, since "
            "two "
            "card modules in one stack ask for the PIN twice");
    }

    void pam_pkcs11() {
        const Result<std::string> config = tree_.read(kPkcs11Config);
        std::string place = config.ok() ? pam_pkcs11_value(*config, "ca_dir") : std::string();
        if (place.empty() || place.front() != '/') {
            place = kPkcs11Folder;
        }
        const Result<std::string> at = tree_.follow(place);
        const Result<Node> node = at.ok() ? tree_.node(*at) : Result<Node>(at.error());
        if (!node) {
            problem(place + ": " + node.error().detail, "repair the link, or take it away");
        } else if (node->kind == NodeKind::File) {
            merge(place, "--compat pam_pkcs11: its ca_dir is one file");
        } else {
            hash_links(place);
        }
        const std::string nss = pam_pkcs11_nss_folder(tree_, settings_.al2);
        if (!nss.empty() && !settings_.nss_db) {
            warning(
                "pam_pkcs11 of this image is built with NSS and reads its CAs from the database "
                "in " +
                    nss + ", which is not made here",
                "add --nss-db, or run in the image for each FILE in " + place +
                    ": certutil -A -d sql:" + nss +
                    " -n NAME -t T,, -a -i FILE, and the same with dbm:" + nss +
                    " where certutil still takes it");
        }
        if (!config.ok()) {
            warning("pam_pkcs11 is not in this tree; " + place + " is for it alone",
                    "install it into the image, or leave out --compat pam_pkcs11");
        }
    }

    // <hash>.<n> -> file, as `openssl rehash` makes them. Numbers that others use are left to them.
    void hash_links(const std::string& folder) {
        std::set<std::string> taken;
        std::set<std::string> known;
        const auto names = tree_.list(folder);
        for (const std::string& name : names ? *names : std::vector<std::string>{}) {
            taken.insert(name);
            const Result<std::string> text = tree_.read(folder + "/" + name);
            const Result<ReadCertificates> read = text.ok()
                                                      ? read_certificates(ByteView(*text), name)
                                                      : Result<ReadCertificates>(text.error());
            const bool by_hash = name.size() > 9 && name[8] == '.';
            if (read.ok() && by_hash) {
                known.insert(read->certificates.front().sha256_hex());
            }
        }
        std::vector<const Certificate*> ours;
        for (const LintedCa& ca : chain_) {
            ours.push_back(&ca.input.certificate);
        }
        std::sort(ours.begin(), ours.end(), [](const Certificate* a, const Certificate* b) {
            return a->sha256_hex() < b->sha256_hex();
        });
        for (const Certificate* c : ours) {
            if (known.count(c->sha256_hex()) != 0) {
                continue;
            }
            const std::string file = "piv-login-" + c->sha256_hex().substr(0, 16) + ".pem";
            plan_.add_file(folder + "/" + file, to_pem(*c), Phase::Inert,
                           "--compat pam_pkcs11: a CA of the chain");
            const std::string hash = subject_hash(*c);
            int n = 0;
            while (taken.count(hash + "." + std::to_string(n)) != 0) {
                ++n;
            }
            const std::string link = hash + "." + std::to_string(n);
            taken.insert(link);
            plan_.add_link(folder + "/" + link, file, Phase::Inert,
                           "--compat pam_pkcs11: CAs are found by the hash of their name");
        }
    }

    const Tree& tree_;
    const std::vector<LintedCa>& chain_;
    const TrustCopySettings& settings_;
    StagePlan& plan_;
    Findings out_;
};

}  // namespace

Findings plan_trust_copies(const Tree& tree, const std::vector<LintedCa>& chain,
                           const TrustCopySettings& settings, StagePlan& plan) {
    return Copier(tree, chain, settings, plan).run();
}

std::string pam_pkcs11_nss_folder(const Tree& tree, bool al2) {
    const Result<std::string> config = tree.read(kPkcs11Config);
    std::string folder = config.ok() ? pam_pkcs11_value(*config, "nss_dir") : std::string();
    if (!al2 && (folder.empty() || !pam_pkcs11_value(*config, "ca_dir").empty())) {
        return {};
    }
    for (const char* format : {"sql:", "dbm:"}) {
        if (folder.compare(0, 4, format) == 0) {
            folder.erase(0, 4);
        }
    }
    while (folder.size() > 1 && folder.back() == '/') {
        folder.pop_back();
    }
    return folder.empty() || folder.front() != '/' ? "/etc/pki/nssdb" : folder;
}

std::string trust_store_command(const std::string& path) {
    const auto below = [&path](const std::string& folder) {
        return path.compare(0, folder.size() + 1, folder + "/") == 0;
    };
    if (below(kRedHatSource)) {
        return "update-ca-trust extract";
    }
    return below(kDebianSource) ? "update-ca-certificates" : "";
}

std::string pam_pkcs11_value(const std::string& text, const std::string& key) {
    // scconf: "#" starts a comment, a value ends with ";". The first one counts.
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t lf = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, lf - at);
        at = lf + 1;
        line = line.substr(0, line.find('#'));
        const std::size_t first = line.find_first_not_of(" \t{");
        if (first == std::string::npos || line.compare(first, key.size(), key) != 0) {
            continue;
        }
        std::size_t value = line.find_first_not_of(" \t", first + key.size());
        if (value == std::string::npos || line[value] != '=') {
            continue;
        }
        value = line.find_first_not_of(" \t\"", value + 1);
        if (value == std::string::npos) {
            continue;
        }
        std::string found = line.substr(value, line.find_first_of("\";", value) - value);
        while (!found.empty() &&
               (found.back() == ' ' || found.back() == '\t' || found.back() == '\r')) {
            found.pop_back();
        }
        return found;
    }
    return {};
}

}  // namespace piv
