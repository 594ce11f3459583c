// What is installed as the CA chain, and in which state of its life each certificate is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pki/config/settings.h"
#include "pki/x509/trust_store.h"

namespace piv {

enum class TrustRole { Anchor, Intermediate };
/// All three validate logins. Next: waits for its date. Retired: nobody is known to need it.
enum class TrustState { Active, Next, Retired };
std::string_view to_text(TrustRole role) noexcept;
std::string_view to_text(TrustState state) noexcept;

struct TrustEntry {
    Certificate certificate;
    TrustRole role = TrustRole::Anchor;
    TrustState state = TrustState::Active;
    std::optional<UnixTime> since;  // when it came into this state, if that is recorded
    std::string succeeds;           // SHA-256 of the certificate it replaces, or empty
    std::string file;               // name in its folder
};

struct TrustTree {
    std::string root;    // empty: this system
    std::string config;  // as the system in the tree sees it
};

struct TrustInventory {
    TrustTree tree;
    Settings settings;
    std::vector<TrustEntry> entries;  // anchors first, then by end of validity
    /// Folder of a role, as the system in the tree sees it.
    [[nodiscard]] const std::string& folder(TrustRole role) const noexcept;
};

/// Reads the folders that the configuration names and the states beside them. A certificate without
/// a recorded state is active. Errors: as load_settings; CertMalformed; BadConfig (the state file,
/// or a folder that is one file: piv-trust works on folders).
Result<TrustInventory> load_inventory(const TrustTree& tree);

/// Writes what changed: the states, then new certificates, then takes away removed ones. A reader in
/// between sees a chain that validates at least what both do. After a failure the files are as they
/// were, as far as that can be done. Error: WriteFailed.
Status save_inventory(const TrustInventory& before, const TrustInventory& after);

/// The one entry that `id` names: a start of its SHA-256 of at least 6 digits, or its file with or
/// without ".pem". Error: TrustIdUnknown.
Result<std::size_t> find_entry(const TrustInventory& inventory, const std::string& id);

/// A store of the entries for which `keep` is true.
template <typename Keep>
TrustStore store_of(const TrustInventory& inventory, Keep keep) {
    TrustStore store;
    for (const TrustEntry& e : inventory.entries) {
        if (keep(e)) {
            if (e.role == TrustRole::Anchor) {
                store.add_anchor(e.certificate);
            } else {
                store.add_intermediate(e.certificate);
            }
        }
    }
    return store;
}

/// Name of an installed certificate's file: from its subject and SHA-256.
std::string trust_file_name_of(const Certificate& certificate);

}  // namespace piv
