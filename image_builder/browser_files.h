// The card inside the session: Firefox by its policies, Chromium and other users of NSS (Network
// Security Services) by the list of modules of their databases.
#pragma once

#include "image_builder/ca_lint.h"
#include "image_builder/plan.h"
#include "image_builder/tree.h"

namespace piv {

struct BrowserSettings {
    bool debian = false;
    bool al2 = false;           // its NSS also reads databases of the old format
    bool system_trust = false;  // Firefox is to trust the roots as well
};

/// policies.json with the device, and with the roots when the system trusts them too; what is in it
/// stays. pkcs11.txt in /etc/skel/.pki/nssdb, for accounts made from now on, and in /etc/pki/nssdb
/// where that is. cert9.db and key4.db are left to NSS, which makes them at the first use: they hold
/// a random salt and the time, so no two of them are alike.
Findings plan_browsers(const Tree& tree, const std::vector<LintedCa>& chain,
                       const BrowserSettings& settings, StagePlan& plan);

/// `text` is a policies.json, or empty. Error: ImageInput when it is no JSON object of that form.
Result<std::string> merge_policies(const std::string& text, const std::string& module,
                                   const std::vector<std::string>& root_files);
/// `text` is a pkcs11.txt, or empty; unchanged if it has the module, or p11-kit's, already.
std::string add_nss_module(const std::string& text, const std::string& module);

}  // namespace piv
