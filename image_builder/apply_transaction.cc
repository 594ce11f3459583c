// The transaction itself: apply and undo.
#include "image_builder/apply.h"

#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "image_builder/stage_paths.h"
#include "image_builder/staged_file.h"

namespace piv {

void Stager::stamp_folders(const StageManifest& manifest) const {
    if (!epoch_) {
        return;
    }
    const timespec both[2] = {{static_cast<time_t>(*epoch_), 0}, {static_cast<time_t>(*epoch_), 0}};
    for (const std::string& folder : parents_of(manifest)) {
        (void)set_folder_times(root_, folder, both);
    }
    for (const std::string& folder : manifest.folders) {
        (void)set_folder_times(root_, folder, both);
    }
    for (const ManifestEntry& entry : manifest.entries) {
        const std::string saved = original_of(entry.path);
        for (std::string up = parent_path(saved); up != kStagingFolder; up = parent_path(up)) {
            (void)set_folder_times(root_, up, both);  // absent when nothing was kept there
        }
    }
    (void)set_folder_times(root_, kOriginals, both);
    (void)set_folder_times(root_, kStagingFolder, both);
}

Result<std::map<std::string, Bytes>> Stager::still_staged(
    const std::set<std::string>& names) const {
    std::map<std::string, Bytes> out;
    Result<std::optional<StageManifest>> m = manifest();
    if (!m) {
        return std::move(m).error();
    }
    if (!m->has_value()) {
        return out;
    }
    for (const ManifestEntry& entry : (*m)->entries) {
        const std::string name = entry.path.substr(entry.path.rfind('/') + 1);
        if (entry.staged.kind != NodeKind::File || names.count(name) == 0) {
            continue;
        }
        const Result<Holding> now = holding_of(root_, entry.path);
        Result<Bytes> content = root_.read(entry.path, kMaxTreeFile);
        if (now && *now == entry.staged && content) {
            out[entry.path] = std::move(*content);
        }
    }
    return out;
}

Status Stager::make_staging_folders() const {
    std::vector<std::string> made;
    for (const auto& [folder, mode] :
         {std::pair<std::string, unsigned>{parent_path(kStateFolder), 0755},
          {kStateFolder, 0755},
          {kStagingFolder, 0700},
          {kOriginals, 0700}}) {
        if (Status s = make_folders(root_, folder, mode, made); !s) {
            std::reverse(made.begin(), made.end());
            for (const std::string& mine : made) {
                (void)remove_folder(root_, mine);
            }
            return s;
        }
    }
    return {};
}

// Read back while everything can still be rolled back.
Status Stager::check_written(const StageManifest& manifest) const {
    for (const ManifestEntry& entry : manifest.entries) {
        const Result<Holding> now = holding_of(root_, entry.path);
        if (!now) {
            return Error(now.code(), "verification after writing: " + now.error().detail);
        }
        if (*now != entry.staged) {
            return Error(ErrorCode::ImageDrift,
                         "verification after writing: " + entry.path + " is not what was written");
        }
    }
    return {};
}

Result<ApplyResult> Stager::apply(const StagePlan& plan, bool force) {
    Result<StageManifest> journal = prepare(plan, force);
    if (!journal) {
        return std::move(journal).error();
    }
    Result<std::optional<StageManifest>> old = manifest();
    if (!old) {
        return std::move(old).error();
    }
    StageManifest final = *journal;
    final.entries.erase(
        std::remove_if(final.entries.begin(), final.entries.end(),
                       [&](const ManifestEntry& e) { return plan.find(e.path) == nullptr; }),
        final.entries.end());
    journal->manifest_sha256 = manifest_sha256(final);
    ApplyResult result;
    for (const ManifestEntry& entry : journal->entries) {
        if (changes(entry)) {
            (plan.find(entry.path) != nullptr ? result.written : result.restored)
                .push_back(entry.path);
        }
    }
    result.manifest = !old->has_value() || to_json(**old, false) != to_json(final, false);
    if (!result.changed()) {
        return result;
    }

    Status s = make_staging_folders();
    if (!s) {
        (void)clear_leftovers();
        put_times_back(journal->folder_times_before);
        return std::move(s).error();
    }
    s = save_originals(*journal);
    if (s) {
        s = write_record(kJournalFile, to_json(*journal, true));
    }
    if (s) {
        std::vector<std::string> ignored;
        for (const std::string& folder : journal->folders) {
            if (s && folder.compare(0, sizeof kStagingFolder - 1, kStagingFolder) != 0) {
                s = make_folders(root_, folder, 0755, ignored);
            }
        }
    }
    if (s) {
        s = write_temporaries(plan, *journal);
    }
    if (s) {
        s = switch_over(*journal);
    }
    if (s) {
        s = sync_all(root_);
    }
    if (s) {
        s = check_written(final);
    }
    if (s) {
        s = write_record(kManifestFile, to_json(final, false));
    }
    if (!s) {
        Error why = std::move(s).error();
        const bool journalled = interrupted();
        const Result<bool> healed = heal();
        if (!journalled) {
            put_times_back(journal->folder_times_before);
        }
        if (!healed) {
            why.detail += "; and it could not be rolled back: " + healed.error().detail;
            return why;
        }
        const Result<std::optional<StageManifest>> now = manifest();
        const bool done = journalled && now.ok() && now->has_value() &&
                          manifest_sha256(**now) == journal->manifest_sha256;
        if (!done) {
            return why;
        }
        // Only the last sync failed, and healing has made up for it.
    }
    (void)remove_file(root_, kJournalFile);
    (void)remove_tree(root_, kBefore);
    stamp_folders(final);
    return result;
}

Status Stager::finish_removal(const StageManifest& manifest) {
    std::vector<std::string> folders = manifest.folders;
    std::reverse(folders.begin(), folders.end());
    std::vector<std::string> state;
    for (const std::string& folder : folders) {
        const std::string state_folder = kStateFolder;
        const bool of_state = folder.compare(0, state_folder.size(), state_folder) == 0 ||
                              state_folder.compare(0, folder.size() + 1, folder + "/") == 0;
        if (of_state) {
            state.push_back(folder);
        } else if (Status s = remove_folder(root_, folder); !s) {
            return s;
        }
    }
    put_times_back(manifest.folder_times);  // while there is still a manifest that names them
    if (Status s = sync_all(root_); !s) {
        return s;
    }
    if (Status s = remove_file(root_, kManifestFile); !s) {
        return s;
    }
    if (Status s = remove_tree(root_, kStagingFolder); !s) {
        return s;
    }
    for (const std::string& folder : state) {
        if (Status s = remove_folder(root_, folder); !s) {
            return s;
        }
    }
    put_times_back(manifest.folder_times);
    return sync_all(root_);
}

Result<ApplyResult> Stager::undo(bool force) {
    ApplyResult result;
    Result<std::optional<StageManifest>> m = manifest();
    if (!m) {
        return std::move(m).error();
    }
    if (!m->has_value()) {
        return result;
    }
    std::vector<ManifestEntry> entries = (*m)->entries;
    std::reverse(entries.begin(), entries.end());  // what is switched on goes first
    std::string drifted;
    for (const ManifestEntry& entry : entries) {
        Result<Holding> now = holding_of(root_, entry.path);
        if (!now) {
            return std::move(now).error();
        }
        if (now->kind == NodeKind::Folder || now->kind == NodeKind::Other) {
            return Error(ErrorCode::ImageTree, entry.path + ": is neither a file nor a link");
        }
        if (*now != entry.staged && *now != entry.original) {
            drifted += (drifted.empty() ? "" : ", ") + entry.path;
        }
    }
    if (!drifted.empty() && !force) {
        return Error(ErrorCode::ImageDrift, "changed by somebody since it was staged: " + drifted +
                                                "; --force replaces what was changed");
    }
    for (const ManifestEntry& entry : entries) {
        (void)remove_temporary(root_, entry.path);
        Result<Holding> now = holding_of(root_, entry.path);
        if (!now) {
            return std::move(now).error();
        }
        if (*now == entry.original) {
            continue;
        }
        if (Status s = restore(entry, entry.original, original_of(entry.path)); !s) {
            return std::move(s).error();
        }
        result.restored.push_back(entry.path);
    }
    if (Status s = finish_removal(**m); !s) {
        return std::move(s).error();
    }
    result.manifest = true;
    return result;
}

}  // namespace piv
