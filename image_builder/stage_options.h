// What the user asked enable-smartcard for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image_builder/profile.h"
#include "pki/base/time.h"
#include "pki/x509/certificate.h"

namespace piv {

struct StageOptions {
    std::vector<std::string> ca_files;
    std::optional<ImageProfile> profile;  // empty: auto
    std::string ocsp;                     // require, soft, off; empty: the default, not written
    std::vector<std::string> ocsp_urls;
    std::vector<std::string> ocsp_responses;  // files
    std::vector<std::string> crls;            // files
    std::vector<std::string> domains;         // DNS[=NETBIOS]
    std::vector<std::string> map;
    std::vector<std::string> services;
    bool required = false;
    bool break_glass = true;
    std::vector<std::string> exempt;
    std::vector<std::string> verify_with;  // files, or kCardInReader
    std::optional<TokenCertificate> card;  // what the reader holds, when asked for
    int min_ca_days = 30;
    int image_lives = 0;  // days; 0: not said
    bool system_trust = false;
    std::vector<std::string> compat;  // sssd, pam_pkcs11
    std::vector<std::string> pkinit;  // REALM[=KDC]
    bool browsers = false;
    bool nss_db = false;
    std::string on_card_removal;  // lock, logout; empty: ignore, which is the default
    bool rollover = false;
    bool allow_weak_mapping = false;
    bool pcscd = true;
    bool nss = true;
    UnixTime now = 0;
};

/// Values whose form can be judged alone. Error: BadUsage.
Status check_options(const StageOptions& options);
/// The configuration file's text for these options.
std::string config_text(const StageOptions& options, const std::vector<std::string>& services);
/// The options as "name=value" lines for the manifest, without file names.
std::vector<std::string> canonical_options(const StageOptions& options);

}  // namespace piv
