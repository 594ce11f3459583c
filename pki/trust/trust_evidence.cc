#include "pki/trust/trust_evidence.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "pki/config/rooted_file.h"
#include "pki/trust/embedded_certificates.h"
#include "pki/x509/certificate_reader.h"

namespace piv {

namespace {

constexpr std::size_t kMaxCards = 2000;
constexpr std::size_t kMaxFile = 256U << 10U;
constexpr std::size_t kMaxAttempts = 4U << 20U;

void take_folder(const std::string& root, const std::string& path, std::vector<Certificate>& out) {
    const auto folder = RootedFolder::open(root, path);
    const auto names = folder ? folder->list("") : Result<std::vector<std::string>>(folder.error());
    if (!names) {
        return;
    }
    for (std::size_t i = 0; i < names->size() && i < kMaxCards; ++i) {
        if (const auto content = folder->read((*names)[i], kMaxFile); content) {
            auto found = embedded_certificates(*content, 1);
            std::move(found.begin(), found.end(), std::back_inserter(out));
        }
    }
}

// Certificates of cards that logged in, and of those that piv-accounts mapped.
std::vector<Certificate> known_cards(const TrustInventory& inventory) {
    std::vector<Certificate> out;
    take_folder(inventory.tree.root, inventory.settings.revocation.cache + "/cards", out);
    take_folder(inventory.tree.root, kMappedCertificates, out);
    return out;
}

std::vector<std::string> issuers_in_map(const TrustInventory& inventory) {
    std::vector<std::string> out;
    const auto content =
        read_rooted(inventory.tree.root, inventory.settings.mapping.accounts, 64U << 20U);
    if (!content) {
        return out;
    }
    constexpr std::string_view kKey = "issuer-serial ";
    std::string_view text = ByteView(*content).text();
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        const std::size_t arrow = line.find(" -> ");
        if (line.substr(0, kKey.size()) != kKey || arrow == std::string_view::npos) {
            continue;
        }
        const std::string_view value = line.substr(kKey.size(), arrow - kKey.size());
        const std::size_t serial = value.find_last_of(' ', value.find_last_not_of(' '));
        if (serial != std::string_view::npos) {
            std::string_view name = value.substr(0, serial);
            name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
            out.push_back(comparable_name(name));
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// Text members of an object; empty where there is none.
std::string text_of(const nlohmann::json& object, const char* key) {
    const auto at = object.is_object() ? object.find(key) : object.end();
    const auto* const text = at == object.end() ? nullptr : at->get_ptr<const std::string*>();
    return text == nullptr ? std::string() : *text;
}

// One attempt a line, the newest last: the last one of a person counts.
void take_logins(const TrustInventory& inventory, const std::string& path,
                 std::map<std::string, SeenLogin>& out) {
    const auto content = read_rooted(inventory.tree.root, path, kMaxAttempts, Ownership::RootOnly);
    if (!content) {
        return;
    }
    std::string_view text = ByteView(*content).text();
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const auto line = nlohmann::json::parse(text.substr(0, end), nullptr, false);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto certificate = line.is_object() ? line.find("certificate") : line.end();
        const std::string user = text_of(line, "user");
        if (user.empty() || text_of(line, "code") != "ok" || certificate == line.end()) {
            continue;
        }
        const auto not_after = parse_time(text_of(*certificate, "not_after"));
        if (not_after) {
            out[user] = {user, text_of(*certificate, "issuer"), text_of(line, "anchor"),
                         text_of(*certificate, "sha256"), *not_after};
        }
    }
}

std::vector<SeenLogin> logins_without_card(const TrustInventory& inventory,
                                           const std::vector<Certificate>& cards) {
    std::map<std::string, SeenLogin> last;
    for (const char* name : {"/attempts.1", "/attempts"}) {
        take_logins(inventory, std::string(PIV_STATEDIR) + name, last);
    }
    std::vector<SeenLogin> out;
    for (auto& [user, login] : last) {
        const std::string& sha256 = login.sha256;
        if (std::none_of(cards.begin(), cards.end(),
                         [&sha256](const Certificate& c) { return c.sha256_hex() == sha256; })) {
            out.push_back(std::move(login));
        }
    }
    return out;
}

std::vector<Certificate> listed_certificates(const TrustInventory& inventory) {
    std::vector<Certificate> out;
    const auto folder = RootedFolder::open(inventory.tree.root, kNeededFolder);
    const auto names = folder ? folder->list("") : Result<std::vector<std::string>>(folder.error());
    for (std::size_t i = 0; names && i < std::min(names->size(), kMaxCards); ++i) {
        const auto content = folder->read((*names)[i], kMaxCertificateFile);
        const auto read = content ? read_certificates(*content, (*names)[i])
                                  : Result<ReadCertificates>(content.error());
        if (read) {
            out.insert(out.end(), read->certificates.begin(), read->certificates.end());
        }
    }
    return out;
}

}  // namespace

std::string comparable_name(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool optional =
            name[i] == ' ' && ((!out.empty() && (out.back() == ',' || out.back() == '=')) ||
                               (i + 1 < name.size() && (name[i + 1] == ',' || name[i + 1] == '=')));
        if (!optional) {
            out += name[i];
        }
    }
    return out;
}

TrustEvidence collect_evidence(const TrustInventory& inventory) {
    TrustEvidence out;
    out.cards = known_cards(inventory);
    out.listed = listed_certificates(inventory);
    out.map_issuers = issuers_in_map(inventory);
    out.logins = logins_without_card(inventory, out.cards);
    out.ocsp = ocsp_evidence(inventory);
    out.kerberos = kerberos_evidence(inventory.tree.root);
    return out;
}

}  // namespace piv
