// Changes to the account map and its compiled form, below --root. What piv-accounts does.
#pragma once

#include <optional>
#include <string>

#include "pam_module/account/account_index.h"

namespace piv {

struct AccountTree {
    std::string root;    // empty: this system
    std::string config;  // the configuration file as the system in the tree sees it
};

/// The map of the tree: its text, what is in it, and the settings that say how it is used.
struct LoadedMap {
    std::string path;  // as the system in the tree sees it
    std::string text;
    AccountMap map;
    MappingSettings settings;
};
/// A map that is not there is empty. Errors: as load_settings and parse_account_map.
Result<LoadedMap> load_account_map(const AccountTree& tree);

struct CompileOutcome {
    CompiledIndex index;
    bool changed = false;  // the file in the tree was another one
};
/// Compiles `loaded` for the tree and writes the index if it differs.
Result<CompileOutcome> write_account_index(const AccountTree& tree, const LoadedMap& loaded);

/// Writes `text` as the map and compiles it. Nothing is written unless all of it can be.
Result<CompileOutcome> replace_account_map(const AccountTree& tree, const LoadedMap& loaded,
                                           const std::string& text);

struct NewLine {
    MapKind kind = MapKind::CertSha256;
    std::string user;
    std::string until;    // as typed, or empty
    std::string comment;  // or empty
};
/// The line for the certificate. Errors: NotMapped (the certificate has no such key), BadUsage.
Result<std::string> line_for(const Certificate& certificate, const NewLine& line);

/// Keeps a copy of a mapped certificate for piv-trust, and takes away copies that no line of `map`
/// fits any more. What cannot be written is no error: the copies decide nothing about logins.
void keep_mapped(const AccountTree& tree, const Certificate& certificate);
void forget_unmapped(const AccountTree& tree, const AccountMap& map);

/// `text` without the lines whose numbers are in `lines`.
std::string without_lines(const std::string& text, const std::vector<int>& lines);

}  // namespace piv
