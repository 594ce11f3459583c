#include "pki/trust/trust_dependents.h"

#include <algorithm>
#include <set>

#include "pki/x509/certification_path.h"

namespace piv {

namespace {

// The chain with and without one entry.
class Without {
  public:
    using Keep = bool (*)(const TrustEntry&);
    Without(const TrustInventory& inventory, const TrustEntry& entry, Keep keep, UnixTime now)
        : entry_(entry), now_(now) {
        policy_.purpose = Purpose::Any;
        with_ = store_of(inventory, [&](const TrustEntry& e) { return &e == &entry || keep(e); });
        without_ =
            store_of(inventory, [&](const TrustEntry& e) { return &e != &entry && keep(e); });
    }
    [[nodiscard]] bool valid(const Certificate& c) const {
        return validate_path(c, without_, {}, policy_, now_).ok();
    }
    // Whether `c` is valid only thanks to the entry.
    [[nodiscard]] bool breaks(const Certificate& c) const {
        const auto path = validate_path(c, with_, {}, policy_, now_);
        return path && uses_entry(*path) && !valid(c);
    }

  private:
    [[nodiscard]] bool uses_entry(const CertificationPath& path) const {
        const auto& chain = path.certificates();
        return std::any_of(chain.begin(), chain.end(), [this](const Certificate& c) {
            return c.sha256_hex() == entry_.certificate.sha256_hex();
        });
    }
    const TrustEntry& entry_;
    UnixTime now_;
    PathPolicy policy_;
    TrustStore with_;
    TrustStore without_;
};

std::string count_of(std::size_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

// "3 cards of people with an account here, such as CN=alice", or nothing.
void add_count(const std::vector<Certificate>& certificates, const Without& without,
               const std::pair<const char*, const char*>& what, std::vector<std::string>& out) {
    std::size_t count = 0;
    std::string example;
    for (const Certificate& c : certificates) {
        if (without.breaks(c)) {
            ++count;
            example = c.subject();
        }
    }
    if (count != 0) {
        out.push_back(count_of(count, what.first, what.second) + ", such as " + example);
    }
}

void add_people(const std::vector<SeenLogin>& logins, const std::string& name, UnixTime now,
                std::vector<std::string>& out) {
    std::size_t count = 0;
    std::string example;
    for (const SeenLogin& login : logins) {
        if (login.not_after >= now &&
            (comparable_name(login.issuer) == name || comparable_name(login.anchor) == name)) {
            ++count;
            example = login.user;
        }
    }
    if (count != 0) {
        out.push_back(count_of(count, "person who logged in", "people who logged in") +
                      " with a card of it, such as " + example);
    }
}

// A configuration that names its file would be broken without it. Where Kerberos only has the
// certificate among others, it counts while it is valid.
void add_kerberos(const TrustInventory& inventory, const TrustEntry& entry,
                  const KerberosEvidence& kerberos, UnixTime now, std::vector<std::string>& out) {
    const std::string ours = inventory.folder(entry.role) + "/" + entry.file;
    const std::string& sha256 = entry.certificate.sha256_hex();
    std::set<std::string> configurations;
    for (const KerberosFile& f : kerberos.anchors) {
        const bool has = std::find(f.sha256.begin(), f.sha256.end(), sha256) != f.sha256.end();
        const bool named = f.path == ours && !f.in_folder;
        if (!named && (!has || entry.certificate.not_after() < now)) {
            continue;
        }
        if (configurations.insert(f.configuration).second) {
            out.push_back("Kerberos: " + f.configuration +
                          (named ? " names its file" : " takes it from " + f.path));
        }
    }
}

// Staged answers about certificates of its key, unless another entry has that key too.
std::vector<std::string> answers_about(const TrustInventory& inventory, const TrustEntry& entry,
                                       const TrustEvidence& evidence, UnixTime now,
                                       bool (*keep)(const TrustEntry&)) {
    std::vector<std::string> out;
    const std::string key = issuer_key_sha1(entry.certificate);
    const bool other_of_key =
        std::any_of(inventory.entries.begin(), inventory.entries.end(), [&](const TrustEntry& e) {
            return &e != &entry && keep(e) && issuer_key_sha1(e.certificate) == key;
        });
    for (const StagedAnswer& a : evidence.ocsp.answers) {
        const bool counts = a.next_update == 0 || a.next_update >= now;
        if (counts && !other_of_key &&
            std::find(a.issuer_key_sha1.begin(), a.issuer_key_sha1.end(), key) !=
                a.issuer_key_sha1.end()) {
            out.push_back("the staged OCSP answer " + a.file);
        }
    }
    return out;
}

}  // namespace

bool keep_all(const TrustEntry&) {
    return true;
}

bool keep_unless_retired(const TrustEntry& entry) {
    return entry.state != TrustState::Retired;
}

std::vector<std::string> dependents_of(const TrustInventory& inventory, std::size_t index,
                                       const TrustEvidence& evidence, UnixTime now,
                                       bool (*keep)(const TrustEntry&)) {
    const TrustEntry& entry = inventory.entries[index];
    const Without without(inventory, entry, keep, now);
    std::vector<std::string> out;
    for (const TrustEntry& e : inventory.entries) {
        if (&e != &entry && keep(e) && e.role == TrustRole::Intermediate &&
            without.breaks(e.certificate)) {
            out.push_back("the intermediate CA " + e.certificate.subject());
        }
    }
    add_count(evidence.cards, without,
              {"card of people with an account here", "cards of people with an account here"}, out);
    add_count(evidence.kerberos.kdcs, without, {"KDC certificate", "KDC certificates"}, out);
    add_count(evidence.listed, without,
              {"certificate that is listed as needed", "certificates that are listed as needed"},
              out);
    const std::string name = comparable_name(entry.certificate.subject());
    const bool other_of_name =
        std::any_of(inventory.entries.begin(), inventory.entries.end(), [&](const TrustEntry& e) {
            return &e != &entry && keep(e) &&
                   e.certificate.subject_der() == entry.certificate.subject_der() &&
                   without.valid(e.certificate);
        });
    if (!other_of_name && entry.certificate.not_after() >= now) {
        if (std::binary_search(evidence.map_issuers.begin(), evidence.map_issuers.end(), name)) {
            out.emplace_back("issuer-serial lines of the account map that name it");
        }
        add_people(evidence.logins, name, now, out);
    }
    add_kerberos(inventory, entry, evidence.kerberos, now, out);
    const auto answers = answers_about(inventory, entry, evidence, now, keep);
    out.insert(out.end(), answers.begin(), answers.end());
    return out;
}

std::vector<std::size_t> successors_of(const TrustInventory& inventory, std::size_t index) {
    const TrustEntry& old = inventory.entries[index];
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < inventory.entries.size(); ++i) {
        const TrustEntry& e = inventory.entries[i];
        const bool related = e.succeeds == old.certificate.sha256_hex() ||
                             e.certificate.subject_der() == old.certificate.subject_der();
        if (i != index && related && e.role == old.role && e.state != TrustState::Retired &&
            e.certificate.not_after() > old.certificate.not_after()) {
            out.push_back(i);
        }
    }
    return out;
}

}  // namespace piv
