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
    bool nss_db = false;        // the system's NSS database is somebody else's business
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
/// Plans a file that others may have made: mode and owner stay as they are in the tree.
void stage_as_found(const Tree& tree, const std::string& path, ByteView content,
                    const std::string& reason, StagePlan& plan);

}  // namespace piv
