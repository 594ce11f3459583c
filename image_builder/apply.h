// Applying a plan to a tree and taking it back. At any kill, failing call or full disk each file is
// the old one or the new one, what is switched on always has what it needs, and the next run heals:
// the journal says what was being done, and it is rolled back before anything else happens.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "image_builder/manifest.h"
#include "image_builder/tree.h"
#include "pki/base/time.h"

namespace piv {

struct Difference {
    std::string path;
    std::string what;  // one sentence
};

struct ApplyResult {
    std::vector<std::string> written;   // paths
    std::vector<std::string> restored;  // staged earlier, no longer wanted, now as they were
    [[nodiscard]] bool changed() const { return !written.empty() || !restored.empty() || manifest; }
    bool manifest = false;  // only the manifest changed
};

class Stager {
  public:
    /// `epoch`: time stamp of everything written (SOURCE_DATE_EPOCH), or none for now.
    Stager(const RootDir& root, std::optional<UnixTime> epoch) : root_(root), epoch_(epoch) {}

    /// Takes the tree's lock until the RootDir is closed. Error: ImageTree when another run has it.
    Status lock();
    /// A run was killed and has not been healed yet.
    [[nodiscard]] bool interrupted() const;
    /// Rolls an interrupted run back. True: there was one. Errors: ImageDrift, WriteFailed.
    Result<bool> heal();
    /// The manifest, if this tree has been staged. Error: ImageTree.
    [[nodiscard]] Result<std::optional<StageManifest>> manifest() const;
    /// Where the tree is not what the manifest says.
    [[nodiscard]] Result<std::vector<Difference>> drift(const StageManifest& manifest) const;
    /// The tree as it was before staging, for planning.
    [[nodiscard]] Result<OverlayTree> original_tree(const Tree& disk) const;

    /// What is staged, and unchanged since, under one of these file names. Errors: as manifest().
    [[nodiscard]] Result<std::map<std::string, Bytes>> still_staged(
        const std::set<std::string>& names) const;

    /// What would be written, without writing. Errors: as apply.
    [[nodiscard]] Result<StageManifest> prepare(const StagePlan& plan, bool force) const;
    Result<ApplyResult> apply(const StagePlan& plan, bool force);
    /// Byte for byte back. Errors: ImageDrift (unless `force`), WriteFailed.
    Result<ApplyResult> undo(bool force);

  private:
    Status make_staging_folders() const;
    Status preflight(const StageManifest& journal) const;
    Status save_originals(const StageManifest& journal);
    Status write_temporaries(const StagePlan& plan, const StageManifest& journal);
    Status switch_over(const StageManifest& journal);
    [[nodiscard]] Status check_written(const StageManifest& manifest) const;
    Status restore(const ManifestEntry& entry, const Holding& want, const std::string& saved_in);
    Status write_record(const std::string& path, const std::string& text);
    Status clear_leftovers();
    Status finish_removal(const StageManifest& manifest);
    void stamp_folders(const StageManifest& manifest) const;
    void note_folders(StageManifest& journal) const;
    void put_times_back(const std::map<std::string, timespec>& times) const;

    const RootDir& root_;
    std::optional<UnixTime> epoch_;
};

/// The plan's effect as a unified-looking listing, for --dry-run.
Result<std::string> describe_changes(const RootDir& root, const StagePlan& plan,
                                     const StageManifest& prepared);

}  // namespace piv
