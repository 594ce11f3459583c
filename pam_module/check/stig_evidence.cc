#include "pam_module/check/stig_evidence.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "pam_module/check/pam_files.h"
#include "pki/config/ini.h"
#include "pki/config/rooted_file.h"

namespace piv {

namespace {

constexpr std::size_t kMaxFile = 1U << 20U;

StigEvidence met(std::string where, std::string what) {
    return {StigVerdict::Met, std::move(where), std::move(what), {}};
}
StigEvidence not_met(std::string where, std::string what, std::string fix) {
    return {StigVerdict::NotMet, std::move(where), std::move(what), std::move(fix)};
}
StigEvidence not_applicable(std::string what) {
    return {StigVerdict::NotApplicable, {}, std::move(what), {}};
}

std::vector<std::string> names_in(const StigSystem& system, const std::string& folder,
                                  std::string_view suffix) {
    auto opened = RootedFolder::open(system.root, folder);
    if (!opened) {
        return {};
    }
    auto names = opened->list(suffix);
    return names ? std::move(*names) : std::vector<std::string>();
}

bool exists(const StigSystem& system, const std::string& path) {
    const auto parts = split_path(path);
    const std::vector<std::string> names = names_in(system, parts.first, "");
    return std::find(names.begin(), names.end(), parts.second) != names.end();
}

struct Setting {
    std::string section;
    std::string key;
    std::string value;
    std::string where;
};

// Every key that is set, in the order in which they count: the last one of a name holds.
std::vector<Setting> settings_in(const StigSystem& system, const std::string& path) {
    std::vector<Setting> out;
    const Result<Bytes> content = read_followed(system.root, path, kMaxFile);
    if (!content) {
        return out;
    }
    const auto entries = parse_ini(ByteView(*content).text(), path);
    if (!entries) {
        return out;
    }
    for (const IniEntry& entry : *entries) {
        if (!entry.key.empty()) {
            out.push_back(
                {entry.section, entry.key, entry.value, path + ":" + std::to_string(entry.line)});
        }
    }
    return out;
}

std::vector<Setting> all_settings(const StigSystem& system) {
    const std::string file = system.config.empty() ? kDefaultConfigFile : system.config;
    std::vector<Setting> out = settings_in(system, file);
    if (system.config.empty()) {
        const std::string folder = std::string(kDefaultConfigFile) + ".d";
        for (const std::string& name : names_in(system, folder, ".conf")) {
            for (Setting& setting : settings_in(system, folder + "/" + name)) {
                out.push_back(std::move(setting));
            }
        }
    }
    return out;
}

std::string place_of(const StigSystem& system, const std::string& section, const std::string& key) {
    std::string where = std::string(kDefaultConfigFile) + " (the default)";
    for (const Setting& setting : all_settings(system)) {
        if (setting.section == section && setting.key == key) {
            where = setting.where;
        }
    }
    return where;
}

StigEvidence trust_anchor(const StigSystem& system) {
    const std::string& where = system.settings.trust.anchors;
    if (system.usable_anchors == 0) {
        return not_met(where, "no trust anchor that is valid now",
                       "enable-smartcard --ca-cert root.cer int.cer");
    }
    const std::vector<std::string> names = names_in(system, where, ".pem");
    return met(names.empty() ? where : where + "/" + names.front(),
               std::to_string(system.usable_anchors) + " trust anchors that are valid now");
}

StigEvidence packages(const StigSystem& system) {
    for (const char* folder : {"/usr/lib64/pcsc/drivers", "/usr/lib/pcsc/drivers"}) {
        const std::string driver = std::string(folder) + "/ifd-ccid.bundle";
        if (exists(system, driver) && exists(system, "/usr/sbin/pcscd")) {
            return met(driver, "pcscd and the CCID reader driver are installed");
        }
    }
    return not_met("/usr/sbin/pcscd", "pcscd or the CCID reader driver is missing",
                   "install pcsc-lite and pcsc-lite-ccid (Debian, Ubuntu: pcscd and libccid)");
}

StigEvidence pcscd_socket(const StigSystem& system) {
    const std::string link = "/etc/systemd/system/sockets.target.wants/pcscd.socket";
    return exists(system, link) ? met(link, "pcscd.socket is enabled")
                                : not_met(link, "pcscd.socket is not enabled",
                                          "systemctl enable --now pcscd.socket");
}

// For every service: one section that takes it back is one login without a check.
StigEvidence certificate_status(const StigSystem& system) {
    std::string weakest;
    for (const Setting& setting : all_settings(system)) {
        const bool in_service = setting.section.compare(0, 8, "service ") == 0;
        if (in_service && setting.key == "revocation.ocsp" && setting.value != "require") {
            weakest = setting.where;
        }
    }
    if (system.settings.revocation.ocsp != Settings::Revocation::Ocsp::Require) {
        weakest = place_of(system, "revocation", "ocsp");
    }
    if (!weakest.empty()) {
        return not_met(weakest, "a certificate whose status cannot be had is accepted",
                       "set revocation.ocsp = require");
    }
    return met(place_of(system, "revocation", "ocsp"),
               "revocation.ocsp = require: by OCSP, else by CRL, else no login");
}

StigEvidence revocation_cache(const StigSystem& system) {
    const std::string& crl = system.settings.trust.crl;
    const bool there = !crl.empty() && (!names_in(system, crl, "").empty() || exists(system, crl));
    return there ? met(place_of(system, "trust", "crl"), "CRLs are in " + crl)
                 : not_met(place_of(system, "trust", "crl"), "no CRL is kept on this system",
                           "enable-smartcard --crl FILE, or set trust.crl");
}

StigEvidence piv_accepted(const StigSystem& system) {
    // The tree may be another distribution's than the one that this program was built for.
    std::string module;
    for (const char* folder :
         {PIV_PAMDIR, "/usr/lib64/security", "/usr/lib/security",
          "/usr/lib/x86_64-linux-gnu/security", "/usr/lib/aarch64-linux-gnu/security"}) {
        const std::string path = std::string(folder) + "/pam_piv.so";
        module = module.empty() && exists(system, path) ? path : module;
    }
    if (module.empty() || !exists(system, PIV_LIBEXECDIR "/piv-login-helper")) {
        return not_met("pam_piv.so", "piv-login is not installed whole",
                       "install the package again");
    }
    const std::string where = place_of(system, "card", "backend");
    if (system.settings.card.backend == Settings::Card::Backend::Pkcs11) {
        return {StigVerdict::ByHand,
                where,
                "card.backend = pkcs11: whether " + system.settings.card.module +
                    " reads PIV cards is the module's affair",
                {}};
    }
    return met(where, "PIV cards are read by SP 800-73-4");
}

StigEvidence card_login(const StigSystem& system) {
    std::string where;
    int count = 0;
    for (const PamLine& line : pam_lines(system.root)) {
        if (line.type.find("auth") != std::string::npos && problem_of(line).empty()) {
            where = where.empty() ? line.file + ":" + std::to_string(line.number) : where;
            ++count;
        }
    }
    return count > 0 ? met(where, std::to_string(count) + " PAM lines run pam_piv.so")
                     : not_met("/etc/pam.d", "no auth line runs pam_piv.so",
                               "enable-smartcard --ca-cert root.cer int.cer");
}

StigEvidence identity_map(const StigSystem& system) {
    const Settings::Mapping& mapping = system.settings.mapping;
    if (mapping.allow_weak) {
        return not_met(place_of(system, "mapping", "allow_weak"),
                       "identities that anybody may have chosen are accepted",
                       "remove mapping.allow_weak");
    }
    if (!mapping.domain.empty()) {
        return met(place_of(system, "mapping", "domain"),
                   "the UPN of domain " + mapping.domain.front() + " names the account");
    }
    return exists(system, mapping.accounts)
               ? met(mapping.accounts, "the account map names the account")
               : not_met(place_of(system, "mapping", "domain"), "no certificate maps to an account",
                         "set mapping.domain, or piv-accounts add");
}

// The first line of the files that sets `key`, in any section, without white space and quotes.
StigEvidence find_line(const StigSystem& system, const std::vector<std::string>& files,
                       const std::string& key) {
    StigEvidence out;
    for (const std::string& file : files) {
        const Result<Bytes> content = read_followed(system.root, file, kMaxFile);
        if (!content) {
            continue;
        }
        std::istringstream lines{std::string(ByteView(*content).text())};
        int number = 0;
        for (std::string line; std::getline(lines, line);) {
            ++number;
            const std::size_t equals = line.find('=');
            if (equals != std::string::npos && trim(line.substr(0, equals)) == key) {
                out.where = file + ":" + std::to_string(number);
                out.what = trim(line.substr(equals + 1));
            }
        }
    }
    return out;
}

std::vector<std::string> paths_in(const StigSystem& system, const std::string& folder,
                                  std::string_view suffix) {
    std::vector<std::string> out;
    for (const std::string& name : names_in(system, folder, suffix)) {
        out.push_back(folder + "/" + name);
    }
    return out;
}

StigEvidence lock_on_removal(const StigSystem& system) {
    if (system.settings.session.on_card_removal != Settings::Session::OnCardRemoval::Ignore) {
        for (const Setting& setting : all_settings(system)) {
            if (setting.section.compare(0, 8, "service ") == 0 &&
                setting.key == "session.on_card_removal" && setting.value == "ignore") {
                return not_met(setting.where, "one service takes session.on_card_removal back",
                               "take the line out");
            }
        }
        const std::vector<PamLine> lines = pam_lines(system.root);
        if (const PamLine* line = session_line(lines)) {
            return met(line->file + ":" + std::to_string(line->number),
                       "session.on_card_removal is set, and pam_piv.so watches for it");
        }
    }
    if (!exists(system, "/usr/bin/gnome-shell")) {
        return not_applicable("GNOME is not installed");
    }
    std::vector<std::string> files;
    for (const std::string& folder : names_in(system, "/etc/dconf/db", ".d")) {
        for (std::string& path : paths_in(system, "/etc/dconf/db/" + folder, "")) {
            files.push_back(std::move(path));
        }
    }
    const StigEvidence line = find_line(system, files, "removal-action");
    return line.what == "'lock-screen'"
               ? met(line.where, "removal-action = 'lock-screen'")
               : not_met(line.where.empty() ? "/etc/dconf/db" : line.where,
                         "the session does not lock when the card is removed",
                         "[org/gnome/settings-daemon/peripherals/smartcard] removal-action="
                         "'lock-screen', then dconf update");
}

StigEvidence cached_credentials(const StigSystem& system) {
    std::vector<std::string> files = paths_in(system, "/etc/sssd/conf.d", ".conf");
    if (exists(system, "/etc/sssd/sssd.conf")) {
        files.insert(files.begin(), "/etc/sssd/sssd.conf");
    }
    if (files.empty()) {
        return not_applicable("SSSD is not set up, and piv-login keeps no credentials");
    }
    const StigEvidence caches = find_line(system, files, "cache_credentials");
    const StigEvidence days = find_line(system, files, "offline_credentials_expiration");
    if (days.what == "1") {
        return met(days.where, "offline_credentials_expiration = 1");
    }
    if (caches.what != "true" && caches.what != "True" && caches.what != "TRUE") {
        return met(caches.where.empty() ? files.front() : caches.where,
                   "SSSD caches no credentials");
    }
    return not_met(days.where.empty() ? caches.where : days.where,
                   "SSSD keeps credentials for more than a day",
                   "[pam] offline_credentials_expiration = 1");
}

StigEvidence key_protection(const StigSystem&) {
    return {StigVerdict::ByHand,
            {},
            "keys of logins stay on the card, behind its PIN; other private "
            "keys, those of SSH for example, have to be looked at by hand",
            {}};
}

}  // namespace

StigEvidence stig_evidence(StigTopic topic, const StigSystem& system) {
    const bool by_configuration =
        topic == StigTopic::CertificateStatus || topic == StigTopic::IdentityMap;
    if (by_configuration && card_login(system).verdict != StigVerdict::Met) {
        return card_login(system);  // no configuration counts that no login reads
    }
    switch (topic) {
        case StigTopic::TrustAnchor:
            return trust_anchor(system);
        case StigTopic::Packages:
            return packages(system);
        case StigTopic::PcscdSocket:
            return pcscd_socket(system);
        case StigTopic::CertificateStatus:
            return certificate_status(system);
        case StigTopic::RevocationCache:
            return revocation_cache(system);
        case StigTopic::PivAccepted:
            return piv_accepted(system);
        case StigTopic::CardLogin:
            return card_login(system);
        case StigTopic::IdentityMap:
            return identity_map(system);
        case StigTopic::LockOnRemoval:
            return lock_on_removal(system);
        case StigTopic::CachedCredentials:
            return cached_credentials(system);
        case StigTopic::KeyProtection:
            break;
    }
    return key_protection(system);
}

}  // namespace piv
