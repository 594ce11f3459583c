// Copies of the chain where other programs look for it: the distribution's trust store, SSSD,
// pam_pkcs11. Only when asked for: each of them gives the CA more power than a login needs.
#pragma once

#include "image_builder/ca_lint.h"
#include "image_builder/plan.h"

namespace piv {

struct TrustCopySettings {
    bool system_trust = false;
    bool sssd = false;
    bool pam_pkcs11 = false;
    bool debian = false;  // update-ca-certificates, as against update-ca-trust
    bool al2 = false;     // its pam_pkcs11 is built with NSS
    bool nss_db = false;  // NSS databases are made as well
};

/// `chain`: anchors first. `tree` is the image without us: what others keep in the same places stays.
Findings plan_trust_copies(const Tree& tree, const std::vector<LintedCa>& chain,
                           const TrustCopySettings& settings, StagePlan& plan);

/// The NSS database that pam_pkcs11 of this tree reads its CAs from; empty when it is not built so.
std::string pam_pkcs11_nss_folder(const Tree& tree, bool al2);

/// The command that a path of the distribution's trust store has to be followed by, staged or taken
/// back; empty for every other path.
std::string trust_store_command(const std::string& path);

/// The value of `key = value;` or `key = "value";` in pam_pkcs11.conf; empty without one.
std::string pam_pkcs11_value(const std::string& text, const std::string& key);

}  // namespace piv
