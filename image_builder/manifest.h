// StageManifest: what a staging put into a tree and what was there before, kept inside the tree at
// /var/lib/piv-login/staging/manifest.json with the originals beside it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "image_builder/plan.h"

namespace piv {

inline constexpr char kStateFolder[] = PIV_STATEDIR;
inline constexpr char kStagingFolder[] = PIV_STATEDIR "/staging";
inline constexpr char kManifestFile[] = PIV_STATEDIR "/staging/manifest.json";
inline constexpr char kJournalFile[] = PIV_STATEDIR "/staging/journal.json";
inline constexpr char kOriginals[] = PIV_STATEDIR "/staging/orig";
inline constexpr char kBefore[] = PIV_STATEDIR "/staging/before";

/// What a path holds, as far as staging compares it: not times.
struct Holding {
    NodeKind kind = NodeKind::Absent;
    std::string sha256;  // of a file
    std::string target;  // of a link
    unsigned mode = 0;   // links have none
    uid_t uid = 0;
    gid_t gid = 0;
};
bool operator==(const Holding& a, const Holding& b);
inline bool operator!=(const Holding& a, const Holding& b) {
    return !(a == b);
}

struct ManifestEntry {
    std::string path;
    Phase phase = Phase::Inert;
    std::string reason;
    Holding staged;
    Holding original;
    Holding before;  // in a journal: what was there when the run began
};

struct StageManifest {
    std::string profile;
    std::vector<std::string> options;
    std::vector<PlanCertificate> certificates;
    std::vector<std::string> folders;  // made by us, outer before inner
    std::vector<ManifestEntry> entries;
    // Modification times of folders that were there and that we make entries in.
    std::map<std::string, timespec> folder_times;         // before all staging
    std::map<std::string, timespec> folder_times_before;  // in a journal: when the run began
    std::string manifest_sha256;  // in a journal: of the manifest that completes the run

    [[nodiscard]] const ManifestEntry* find(const std::string& path) const;
};

/// Stable text: fixed order of keys, two spaces, LF at the end.
std::string to_json(const StageManifest& manifest, bool journal);
std::string manifest_sha256(const StageManifest& manifest);
/// Error: ImageTree when it is not a manifest of ours.
Result<StageManifest> manifest_from_json(const std::string& text);

/// The holding of a path on disk. Folders and devices have a kind and nothing else.
Result<Holding> holding_of(const RootDir& root, const std::string& path);
Holding holding_of(const PlanEntry& entry);

}  // namespace piv
