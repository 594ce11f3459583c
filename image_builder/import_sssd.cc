#include <algorithm>
#include <sstream>

#include "image_builder/import_config.h"
#include "pki/config/ini.h"

namespace piv {

namespace {

using Sections = std::map<std::string, std::map<std::string, std::string>>;

// sssd.conf(5): sections, key = value, "#" and ";" comments, a line that starts with white space
// goes on with the one before.
Result<Sections> parse_sssd(const std::string& text, const std::string& path) {
    Sections out;
    std::istringstream lines(text);
    std::string line;
    std::string section;
    std::string* last = nullptr;
    int number = 0;
    while (std::getline(lines, line)) {
        ++number;
        line = line.substr(0, line.find('\r'));
        const std::string_view whole = trim(line);
        if (whole.empty() || whole.front() == '#' || whole.front() == ';') {
            continue;
        }
        if (last != nullptr && (line.front() == ' ' || line.front() == '\t')) {
            *last += " " + std::string(whole);
            continue;
        }
        const std::size_t eq = whole.find('=');
        if (whole.front() == '[' && whole.back() == ']') {
            section = std::string(trim(whole.substr(1, whole.size() - 2)));
            out[section];
            last = nullptr;
        } else if (eq == std::string_view::npos || section.empty()) {
            return Error(ErrorCode::BadConfig,
                         path + ":" + std::to_string(number) + ": neither a section nor a setting");
        } else {
            last = &out[section][std::string(trim(whole.substr(0, eq)))];
            *last = std::string(trim(whole.substr(eq + 1)));
        }
    }
    return out;
}

std::vector<std::string> list_of(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream items(text);
    std::string item;
    while (std::getline(items, item, ',')) {
        const std::string_view plain = trim(item);
        if (!plain.empty()) {
            out.emplace_back(plain);
        }
    }
    return out;
}

// RFC 7512: pkcs11:name=value;name=value?name=value, percent-encoded.
std::string uri_value(const std::string& uri, const std::string& name) {
    std::size_t at = uri.find(':');
    while (at != std::string::npos && at + 1 < uri.size()) {
        const std::size_t end = std::min(uri.find_first_of(";?&", at + 1), uri.size());
        const std::string part = uri.substr(at + 1, end - at - 1);
        if (part.compare(0, name.size() + 1, name + "=") == 0) {
            std::string out;
            for (std::size_t i = name.size() + 1; i < part.size(); ++i) {
                int code = 0;
                if (part[i] == '%' && i + 2 < part.size()) {
                    code = std::stoi("0" + part.substr(i + 1, 2), nullptr, 16);
                    i += 2;
                }
                out += code > 0x1f && code < 0x7f ? static_cast<char>(code) : part[i];
            }
            return out;
        }
        at = end < uri.size() ? end : std::string::npos;
    }
    return {};
}

class Importer {
  public:
    Importer(const Tree& tree, const Sections& sections, ImportedConfig& out)
        : tree_(tree), sections_(sections), out_(out) {}

    void run() {
        verification(value("sssd", "certificate_verification"));
        verification(value("pam", "certificate_verification"));  // where people put it by mistake
        pam();
        for (const auto& [name, settings] : sections_) {
            if (name.compare(0, 8, "certmap/") == 0) {
                rule(name, settings);
            }
        }
    }

  private:
    [[nodiscard]] std::string value(const std::string& section, const std::string& key) const {
        const auto it = sections_.find(section);
        if (it == sections_.end()) {
            return {};
        }
        const auto found = it->second.find(key);
        return found == it->second.end() ? std::string() : found->second;
    }

    void verification(const std::string& text) {
        for (const std::string& item : list_of(text)) {
            const std::size_t eq = item.find('=');
            const std::string name = item.substr(0, eq);
            const std::string with = eq == std::string::npos ? "" : item.substr(eq + 1);
            if (name == "no_ocsp") {
                out_.settings["revocation"]["ocsp"] = "off";
            } else if (name == "soft_ocsp") {
                out_.settings["revocation"]["ocsp"] = "soft";
            } else if (name == "ocsp_default_responder" && with.compare(0, 7, "http://") == 0) {
                out_.settings["revocation"]["ocsp_url"] = with;
            } else if (name == "crl_file" && !with.empty() && with.front() == '/') {
                std::string& crl = out_.settings["trust"]["crl"];
                if (!crl.empty() && crl != with) {
                    out_.leave(item, "one path here: put the CRLs into one folder");
                    continue;
                }
                crl = with;
            } else if (name == "no_verification") {
                out_.leave(item, "a card is always verified: install its CAs");
            } else if (name == "partial_chain") {
                out_.leave(item, "a path ends at a root: give the root as well");
            } else if (name == "ocsp_dgst") {
                out_.leave(item, "not needed: the digest that the responder wants is found out");
            } else {
                out_.leave(item, "it has no equal here");
            }
        }
    }

    void pam() {
        const std::string auth = value("pam", "pam_cert_auth");
        if (auth != "True" && auth != "true" && auth != "TRUE" && sections_.count("pam") != 0) {
            out_.leave("pam_cert_auth is not True", "SSSD has not asked for cards so far");
        }
        const std::string bundle = value("pam", "pam_cert_db_path");
        const std::string path = bundle.empty() ? "/etc/sssd/pki/sssd_auth_ca_db.pem" : bundle;
        const bool known =
            std::find(out_.ca_files.begin(), out_.ca_files.end(), path) != out_.ca_files.end();
        if (!known && tree_.exists(path)) {
            out_.ca_files.push_back(path);
        }
        const std::string uri = value("pam", "p11_uri");
        const std::string reader = uri_value(uri, "slot-description");
        const std::string module = uri_value(uri, "module-path");
        if (!reader.empty()) {
            out_.settings["card"]["reader"] = reader;
        }
        if (!module.empty() && module.front() == '/') {
            out_.settings["card"]["backend"] = "pkcs11";
            out_.settings["card"]["module"] = module;
        }
        if (!uri.empty() && reader.empty() && module.empty()) {
            out_.leave("p11_uri = " + uri,
                       "only its slot-description and module-path have an "
                       "equal: [card] reader, module");
        }
        timeout("p11_wait_for_card_timeout", "card", "wait", 1);
        timeout("p11_child_timeout", "policy", "deadline_ms", 1000);
        for (const std::string& service : list_of(value("pam", "pam_p11_allowed_services"))) {
            out_.leave("pam_p11_allowed_services: " + service,
                       "the services of an image are found by themselves; enable-smartcard "
                       "--service NAME names them instead");
        }
    }

    void timeout(const std::string& key, const std::string& section, const std::string& ours,
                 long long factor) {
        const std::string text = value("pam", key);
        if (text.empty()) {
            return;
        }
        if (text.size() > 3 || text.find_first_not_of("0123456789") != std::string::npos) {
            out_.leave(key + " = " + text, "it is no small number of seconds");
            return;
        }
        out_.settings[section][ours] = std::to_string(std::stoll(text) * factor);
    }

    // [certmap/DOMAIN/RULE]
    void rule(const std::string& name, const std::map<std::string, std::string>& settings) {
        const std::size_t slash = name.find('/', 8);
        const std::string domain = name.substr(8, slash == std::string::npos ? slash : slash - 8);
        const auto get = [&settings](const char* key) {
            const auto it = settings.find(key);
            return it == settings.end() ? std::string() : it->second;
        };
        const std::string map = get("maprule");
        if (map.find("subject_principal") != std::string::npos ||
            map.find("subject_nt_principal") != std::string::npos) {
            if (std::find(out_.map.begin(), out_.map.end(), "upn") == out_.map.end()) {
                out_.map.emplace_back("upn");
            }
            if (domain.find('.') == std::string::npos || domain.find('_') != std::string::npos) {
                out_.leave("[" + name + "]",
                           "name the UPN suffix yourself: [mapping] domain = DNS=NETBIOS");
            } else if (std::find(out_.domains.begin(), out_.domains.end(), domain) ==
                       out_.domains.end()) {
                out_.domains.push_back(domain);
            }
        } else if (map.find("altSecurityIdentities") != std::string::npos) {
            out_.leave("[" + name + "] maprule = " + map,
                       "export issuer and serial of each user: piv-accounts add --from-cert FILE "
                       "--user NAME --key issuer-serial");
        } else if (map.find("userCertificate") != std::string::npos || map.empty()) {
            out_.leave("[" + name + "] maprule = " + (map.empty() ? "(the default)" : map),
                       "the directory holds whole certificates: piv-accounts add --from-cert FILE "
                       "--user NAME for each");
        } else {
            out_.leave("[" + name + "] maprule = " + map,
                       "piv-accounts add --from-cert FILE --user NAME");
        }
        const std::string match = get("matchrule");
        if (match.find("<ISSUER>") != std::string::npos) {
            out_.leave("[" + name + "] matchrule = " + match,
                       "install only the CAs that issue login cards");
        } else if (!match.empty()) {
            out_.leave("[" + name + "] matchrule = " + match,
                       "[policy] purpose and policies choose among certificates");
        }
    }

    const Tree& tree_;
    const Sections& sections_;
    ImportedConfig& out_;
};

}  // namespace

Status import_sssd(const Tree& tree, const std::string& path, ImportedConfig& out) {
    const Result<std::string> text = tree.read(path);
    if (!text) {
        return text.error();
    }
    const Result<Sections> sections = parse_sssd(*text, path);
    if (!sections) {
        return sections.error();
    }
    Importer(tree, *sections, out).run();
    return {};
}

}  // namespace piv
