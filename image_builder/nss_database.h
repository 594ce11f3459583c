// The databases of NSS (Network Security Services): the chain, trusted for people's certificates only,
// and the card's module. In both formats where the system's programs may read either.
#pragma once

#include <map>
#include <set>

#include "image_builder/ca_lint.h"
#include "image_builder/plan.h"
#include "image_builder/tree.h"

namespace piv {

inline constexpr char kSystemNss[] = "/etc/pki/nssdb";

/// Files that an earlier run staged and nobody has changed since, by path.
using StagedFiles = std::map<std::string, Bytes>;

struct NssDatabaseSettings {
    std::vector<std::string> folders{kSystemNss};
    bool old_format = false;  // cert8.db, key3.db and secmod.db as well
    std::string module;       // the card's PKCS#11 module
};

/// Adds the chain to copies of the tree's databases, in a private folder with the building machine's
/// own certutil and modutil, reads them back, compares the formats, and plans what came out. Databases
/// that list it all are left alone. NSS puts random salts and the time into a database: when `staged`
/// lists the same, its bytes are planned again.
Findings plan_nss_database(const Tree& tree, const std::vector<LintedCa>& chain,
                           const NssDatabaseSettings& settings, const StagedFiles& staged,
                           StagePlan& plan);

/// The names of the files whose bytes are never the same twice, for StagedFiles.
std::set<std::string> nss_database_names();

}  // namespace piv
