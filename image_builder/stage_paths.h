// Where a staging keeps what was there before; shared by the files that make up Stager.
#pragma once

#include <set>
#include <string>

#include "image_builder/apply.h"

namespace piv {

inline std::string original_of(const std::string& path) {
    return kOriginals + path;
}
inline std::string before_of(const std::string& path) {
    return kBefore + path;
}

inline bool changes(const ManifestEntry& entry) {
    return entry.before != entry.staged;
}

// Folders that were there and that a staging makes entries in.
inline std::set<std::string> parents_of(const StageManifest& manifest) {
    std::set<std::string> parents;
    for (const ManifestEntry& entry : manifest.entries) {
        parents.insert(parent_path(entry.path));
    }
    for (const std::string& folder : manifest.folders) {
        parents.insert(parent_path(folder));
    }
    for (const std::string& folder : manifest.folders) {
        parents.erase(folder);
    }
    return parents;
}

}  // namespace piv
