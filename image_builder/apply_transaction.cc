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
        (void)set_times(root_, folder, both);
    }
    for (const std::string& folder : manifest.folders) {
        (void)set_times(root_, folder, both);
    }
    (void)set_times(root_, kOriginals, both);
    (void)set_times(root_, kStagingFolder, both);
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

    const std::map<std::string, Node> times = folder_times(*journal);
    std::vector<std::string> state_folders;
    Status s = make_folders(root_, parent_path(kStateFolder), 0755, state_folders);
    if (s) {
        s = make_folders(root_, kStateFolder, 0755, state_folders);
    }
    if (s) {
        s = make_folders(root_, kStagingFolder, 0700, state_folders);
    }
    if (s) {
        s = make_folders(root_, kOriginals, 0700, state_folders);
    }
    if (!s) {
        (void)clear_leftovers();
        return std::move(s).error();
    }
    if (!old->has_value()) {
        journal->folders.insert(journal->folders.begin(), state_folders.begin(),
                                state_folders.end());
    }
    s = save_originals(*journal);
    // Which folders will be made is known before they are: the journal names them first.
    std::set<std::string> wanted;
    for (const ManifestEntry& entry : journal->entries) {
        if (entry.staged.kind == NodeKind::Absent) {
            continue;
        }
        std::string at;
        for (const std::string& part : split_path(parent_path(entry.path))) {
            at += "/" + part;
            if (!root_.open_folder(at).ok()) {
                wanted.insert(at);
            }
        }
    }
    for (const std::string& folder : wanted) {
        if (std::find(journal->folders.begin(), journal->folders.end(), folder) ==
            journal->folders.end()) {
            journal->folders.push_back(folder);
        }
    }
    final.folders = journal->folders;
    if (s) {
        s = write_record(kJournalFile, to_json(*journal, true));
    }
    if (s) {
        std::vector<std::string> ignored;
        for (const std::string& folder : wanted) {
            if (s) {
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
        s = write_record(kManifestFile, to_json(final, false));
    }
    if (!s) {
        Error why = std::move(s).error();
        const Result<bool> healed = heal();
        if (!healed) {
            why.detail += "; and it could not be rolled back: " + healed.error().detail;
        }
        return why;
    }
    (void)remove_file(root_, kJournalFile);
    (void)remove_tree(root_, kBefore);
    // Folders that only what is no longer wanted needed.
    stamp_folders(final);
    Result<std::vector<Difference>> wrong = drift(final);
    if (!wrong) {
        return std::move(wrong).error();
    }
    if (!wrong->empty()) {
        return Error(ErrorCode::ImageDrift, "verification after writing: " + wrong->front().path +
                                                " " + wrong->front().what);
    }
    return result;
}

Status Stager::finish_removal(const StageManifest& manifest) {
    std::map<std::string, Node> times = folder_times(manifest);
    std::vector<std::string> folders = manifest.folders;
    std::reverse(folders.begin(), folders.end());
    std::vector<std::string> state;
    for (const std::string& folder : folders) {
        if (folder.compare(0, std::string(kStateFolder).size(), kStateFolder) == 0) {
            state.push_back(folder);
        } else if (std::string(kStateFolder).compare(0, folder.size() + 1, folder + "/") == 0) {
            state.push_back(folder);
        } else if (Status s = remove_folder(root_, folder); !s) {
            return s;
        }
    }
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
    for (const auto& [folder, node] : times) {
        const timespec both[2] = {node.atime, node.mtime};
        (void)set_times(root_, folder, both);
    }
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
        return Error(ErrorCode::ImageDrift, "changed by somebody since it was staged: " + drifted);
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
