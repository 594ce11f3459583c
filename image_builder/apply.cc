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

namespace {

constexpr std::size_t kSyncEachUpTo = 64;  // above, one syncfs is cheaper than a fsync per file

}  // namespace

Status Stager::lock() {
    if (flock(root_.fd(), LOCK_EX | LOCK_NB) != 0) {
        return Error(ErrorCode::ImageTree,
                     root_.path() + ": another run of this tool is working on this tree");
    }
    return {};
}

bool Stager::interrupted() const {
    const Result<Node> node = root_.node(kJournalFile);
    return node.ok() && node->kind != NodeKind::Absent;
}

Result<std::optional<StageManifest>> Stager::manifest() const {
    Result<Node> node = root_.node(kManifestFile);
    if (!node) {
        return std::move(node).error();
    }
    if (node->kind == NodeKind::Absent) {
        return std::optional<StageManifest>();
    }
    Result<Bytes> text = root_.read(kManifestFile, kMaxTreeFile * 4);
    if (!text) {
        return std::move(text).error();
    }
    Result<StageManifest> m = manifest_from_json(std::string(text->begin(), text->end()));
    if (!m) {
        return Error(m.code(), std::string(kManifestFile) + ": " + m.error().detail);
    }
    return std::optional<StageManifest>(std::move(*m));
}

Status Stager::write_record(const std::string& path, const std::string& text) {
    const timespec stamp[2] = {{static_cast<time_t>(epoch_.value_or(0)), 0},
                               {static_cast<time_t>(epoch_.value_or(0)), 0}};
    const NewFile file{ByteView(text), 0600, 0, 0, epoch_ ? stamp : nullptr};
    Status s = write_temporary(root_, path, file, "", true);
    if (s) {
        s = rename_temporary(root_, path);
    }
    if (!s) {
        (void)remove_temporary(root_, path);
        return s;
    }
    return sync_folder(root_, parent_path(path));
}

// Without a journal and a manifest, what lies in the staging folder is from a run that was killed
// before it did anything, or after it had undone everything.
Status Stager::clear_leftovers() {
    const Result<Node> staging = root_.node(kStagingFolder);
    if (!staging.ok() || staging->kind != NodeKind::Folder) {
        return {};
    }
    if (Status s = remove_tree(root_, kStagingFolder); !s) {
        return s;
    }
    return remove_folder(root_, kStateFolder);  // stays when something else is in it
}

Result<bool> Stager::heal() {
    if (!interrupted()) {
        const Result<Node> m = root_.node(kManifestFile);
        if (m.ok() && m->kind == NodeKind::Absent) {
            if (Status s = clear_leftovers(); !s) {
                return std::move(s).error();
            }
        } else {
            (void)remove_tree(root_, kBefore);  // of a run that was killed while it cleared up
        }
        return false;
    }
    Result<Bytes> text = root_.read(kJournalFile, kMaxTreeFile * 4);
    if (!text) {
        return std::move(text).error();
    }
    Result<StageManifest> journal = manifest_from_json(std::string(text->begin(), text->end()));
    if (!journal) {
        return Error(journal.code(), std::string(kJournalFile) + ": " + journal.error().detail);
    }
    Result<std::optional<StageManifest>> old = manifest();
    if (!old) {
        return std::move(old).error();
    }
    const bool committed = old->has_value() && manifest_sha256(**old) == journal->manifest_sha256;
    std::vector<ManifestEntry> entries = journal->entries;
    std::reverse(entries.begin(), entries.end());
    for (const ManifestEntry& entry : entries) {
        (void)remove_temporary(root_, entry.path);
        if (committed || !changes(entry)) {
            continue;
        }
        Result<Holding> now = holding_of(root_, entry.path);
        if (!now) {
            return std::move(now).error();
        }
        if (*now == entry.before) {
            continue;
        }
        if (*now != entry.staged) {
            return Error(ErrorCode::ImageDrift,
                         entry.path + ": changed by somebody else after a run was killed");
        }
        const bool was_managed = old->has_value() && (*old)->find(entry.path) != nullptr;
        if (Status s = restore(entry, entry.before,
                               was_managed ? before_of(entry.path) : original_of(entry.path));
            !s) {
            return std::move(s).error();
        }
    }
    if (!committed) {
        std::vector<std::string> made = journal->folders;
        std::reverse(made.begin(), made.end());
        for (const std::string& folder : made) {
            const bool old_has =
                old->has_value() && std::find((*old)->folders.begin(), (*old)->folders.end(),
                                              folder) != (*old)->folders.end();
            if (!old_has && folder != kStateFolder && folder != kStagingFolder) {
                (void)remove_folder(root_, folder);
            }
        }
    }
    if (Status s = sync_all(root_); !s) {
        return std::move(s).error();
    }
    if (Status s = remove_file(root_, kJournalFile); !s) {
        return std::move(s).error();
    }
    (void)remove_tree(root_, kBefore);
    if (!old->has_value()) {
        if (Status s = clear_leftovers(); !s) {
            return std::move(s).error();
        }
    }
    if (committed) {
        stamp_folders(**old);
    } else {
        put_times_back(journal->folder_times_before);
    }
    return true;
}

Result<std::vector<Difference>> Stager::drift(const StageManifest& manifest) const {
    std::vector<Difference> out;
    for (const ManifestEntry& entry : manifest.entries) {
        Result<Holding> now = holding_of(root_, entry.path);
        if (!now) {
            out.push_back({entry.path, "cannot be read: " + now.error().detail});
            continue;
        }
        if (*now == entry.staged) {
            continue;
        }
        if (now->kind == NodeKind::Absent) {
            out.push_back({entry.path, "is gone"});
        } else if (now->kind != entry.staged.kind) {
            out.push_back({entry.path, "is of another kind"});
        } else if (*now == entry.original) {
            out.push_back({entry.path, "is as it was before staging"});
        } else if (now->sha256 != entry.staged.sha256) {
            out.push_back({entry.path, "has another content"});
        } else if (now->target != entry.staged.target) {
            out.push_back(
                {entry.path, "points to " + now->target + " instead of " + entry.staged.target});
        } else {
            out.push_back({entry.path, "has another mode or owner"});
        }
    }
    return out;
}

Result<OverlayTree> Stager::original_tree(const Tree& disk) const {
    OverlayTree tree(disk);
    Result<std::optional<StageManifest>> m = manifest();
    if (!m) {
        return std::move(m).error();
    }
    if (!m->has_value()) {
        return tree;
    }
    for (const ManifestEntry& entry : (*m)->entries) {
        if (entry.original == entry.staged) {
            continue;  // nothing was kept of it
        }
        switch (entry.original.kind) {
            case NodeKind::Absent:
                tree.put_absent(entry.path);
                break;
            case NodeKind::Link:
                tree.put_link(entry.path, entry.original.target);
                break;
            case NodeKind::File: {
                Result<Bytes> content = root_.read(original_of(entry.path), kMaxTreeFile);
                if (!content) {
                    return std::move(content).error();
                }
                tree.put_file(entry.path, std::move(*content), entry.original.mode,
                              entry.original.uid, entry.original.gid);
                break;
            }
            default:
                break;
        }
    }
    return tree;
}

// The journal of this plan: for every path what is there now, what was there before all staging, and
// what shall be. Paths that are staged but no longer planned go back to the original.
Result<StageManifest> Stager::prepare(const StagePlan& plan, bool force) const {
    Result<std::optional<StageManifest>> old = manifest();
    if (!old) {
        return std::move(old).error();
    }
    StageManifest journal;
    journal.profile = plan.profile;
    journal.options = plan.options;
    journal.certificates = plan.certificates;
    if (old->has_value()) {
        journal.folders = (*old)->folders;
        journal.folder_times = (*old)->folder_times;
    }
    std::string drifted;
    for (const PlanEntry& planned : plan.entries) {
        ManifestEntry entry;
        entry.path = planned.path;
        entry.phase = planned.phase;
        entry.reason = planned.reason;
        entry.staged = holding_of(planned);
        Result<Holding> now = holding_of(root_, planned.path);
        if (!now) {
            return std::move(now).error();
        }
        entry.before = *now;
        const ManifestEntry* known = old->has_value() ? (*old)->find(planned.path) : nullptr;
        entry.original = known != nullptr ? known->original : *now;
        if (known != nullptr && *now != known->staged && *now != known->original &&
            *now != entry.staged) {
            drifted += (drifted.empty() ? "" : ", ") + planned.path;
        }
        journal.entries.push_back(std::move(entry));
    }
    if (old->has_value()) {
        for (const ManifestEntry& known : (*old)->entries) {
            if (plan.find(known.path) != nullptr) {
                continue;
            }
            Result<Holding> now = holding_of(root_, known.path);
            if (!now) {
                return std::move(now).error();
            }
            if (*now != known.staged && *now != known.original) {
                drifted += (drifted.empty() ? "" : ", ") + known.path;
            }
            ManifestEntry entry = known;
            entry.before = *now;
            entry.staged = known.original;
            journal.entries.push_back(std::move(entry));
        }
    }
    if (!drifted.empty() && !force) {
        return Error(ErrorCode::ImageDrift, "changed by somebody since it was staged: " + drifted +
                                                "; --force replaces what was changed");
    }
    if (Status s = preflight(journal); !s) {
        return std::move(s).error();
    }
    note_folders(journal);
    return journal;
}

Status Stager::preflight(const StageManifest& journal) const {
    std::set<std::string> folders{kStagingFolder};
    for (const ManifestEntry& entry : journal.entries) {
        if (entry.before.kind == NodeKind::Folder || entry.before.kind == NodeKind::Other) {
            return Error(ErrorCode::ImageTree, entry.path + ": is neither a file nor a link");
        }
        folders.insert(parent_path(entry.path));
    }
    for (const std::string& folder : folders) {
        std::string at;
        for (const std::string& part : path_parts(folder)) {
            at += "/" + part;
            const Result<UniqueFd> fd = root_.open_folder(at);
            if (!fd && fd.code() == ErrorCode::FileNotFound) {
                Result<Node> node = root_.node(at);
                if (!node) {
                    return std::move(node).error();
                }
                if (node->kind != NodeKind::Absent) {
                    return Error(ErrorCode::ImageTree, at + ": is not a folder");
                }
                break;
            }
            if (!fd) {
                return fd.error();
            }
            struct stat st {};
            if (fstat(fd->get(), &st) != 0) {
                return Error(ErrorCode::ImageTree, at + ": " + errno_text(errno));
            }
            if ((st.st_mode & 022U) != 0) {
                return Error(ErrorCode::ImageTree,
                             at + ": is writable by group or others; nothing is staged below it");
            }
            if (st.st_uid != 0 && st.st_uid != geteuid()) {
                return Error(ErrorCode::ImageTree,
                             at + ": does not belong to root; nothing is staged below it");
            }
        }
    }
    return {};
}

// Which folders will be made, and the times of those that are there, is known before anything is
// written: the journal names them first.
void Stager::note_folders(StageManifest& journal) const {
    std::set<std::string> wanted{kOriginals};
    for (const ManifestEntry& entry : journal.entries) {
        if (entry.staged.kind != NodeKind::Absent) {
            wanted.insert(parent_path(entry.path));
        }
    }
    std::set<std::string> missing;
    for (const std::string& folder : wanted) {
        std::string at;
        for (const std::string& part : path_parts(folder)) {
            at += "/" + part;
            if (missing.count(at) == 0 && !root_.open_folder(at).ok()) {
                missing.insert(at);
            }
        }
    }
    for (const std::string& folder : missing) {  // in order: outer before inner
        if (std::find(journal.folders.begin(), journal.folders.end(), folder) ==
            journal.folders.end()) {
            journal.folders.push_back(folder);
        }
    }
    for (const std::string& folder : parents_of(journal)) {
        const Result<UniqueFd> fd = root_.open_folder(folder);
        struct stat st {};
        if (fd.ok() && fstat(fd->get(), &st) == 0) {
            journal.folder_times_before[folder] = st.st_mtim;
            journal.folder_times.emplace(folder, st.st_mtim);  // an earlier staging's note stays
        }
    }
    for (const std::string& folder : journal.folders) {  // ours, from an earlier staging
        const Result<UniqueFd> fd = root_.open_folder(folder);
        struct stat st {};
        if (fd.ok() && fstat(fd->get(), &st) == 0) {
            journal.folder_times_before[folder] = st.st_mtim;
        }
    }
}

void Stager::put_times_back(const std::map<std::string, timespec>& times) const {
    for (const auto& [folder, time] : times) {
        timespec both[2] = {{0, UTIME_OMIT}, time};
        (void)set_folder_times(root_, folder, both);
    }
}

// Originals of paths that are new to us, and the present state of those we change again.
Status Stager::save_originals(const StageManifest& journal) {
    Result<std::optional<StageManifest>> old = manifest();
    if (!old) {
        return std::move(old).error();
    }
    std::vector<std::string> ignored;
    for (const ManifestEntry& entry : journal.entries) {
        if (entry.before.kind == NodeKind::Absent || !changes(entry)) {
            continue;
        }
        const bool managed = old->has_value() && (*old)->find(entry.path) != nullptr;
        const std::string to = managed ? before_of(entry.path) : original_of(entry.path);
        if (Status s = make_folders(root_, parent_path(to), 0700, ignored); !s) {
            return s;
        }
        if (Status s = copy_node(root_, entry.path, to); !s) {
            return s;
        }
    }
    return {};
}

Status Stager::write_temporaries(const StagePlan& plan, const StageManifest& journal) {
    const bool each = plan.entries.size() <= kSyncEachUpTo;
    const timespec stamp[2] = {{static_cast<time_t>(epoch_.value_or(0)), 0},
                               {static_cast<time_t>(epoch_.value_or(0)), 0}};
    const timespec* times = epoch_ ? stamp : nullptr;
    for (const PlanEntry& planned : plan.entries) {
        const ManifestEntry* entry = journal.find(planned.path);
        if (entry == nullptr || !changes(*entry)) {
            continue;
        }
        Status s;
        if (planned.kind == NodeKind::Link) {
            s = link_temporary(root_, planned.path, planned.target, planned.uid, planned.gid,
                               times);
        } else {
            const NewFile file{planned.content, planned.mode, planned.uid, planned.gid, times};
            const bool replaces = entry->before.kind == NodeKind::File;
            s = write_temporary(root_, planned.path, file, replaces ? planned.path : "", each);
        }
        if (!s) {
            return s;
        }
    }
    return sync_all(root_);
}

Status Stager::switch_over(const StageManifest& journal) {
    for (const ManifestEntry& entry : journal.entries) {
        if (!changes(entry)) {
            continue;
        }
        if (entry.staged == entry.original && entry.before != entry.original) {
            if (Status s = restore(entry, entry.original, original_of(entry.path)); !s) {
                return s;
            }
            (void)remove_temporary(root_, entry.path);  // planned to be as it was: none is needed
        } else if (Status s = rename_temporary(root_, entry.path); !s) {
            return s;
        }
    }
    return {};
}

Status Stager::restore(const ManifestEntry& entry, const Holding& want,
                       const std::string& saved_in) {
    if (want.kind == NodeKind::Absent) {
        return remove_file(root_, entry.path);
    }
    Result<Holding> saved = holding_of(root_, saved_in);
    if (!saved) {
        return std::move(saved).error();
    }
    if (*saved != want) {
        return Error(ErrorCode::ImageDrift, saved_in + ": is not what was saved there");
    }
    return copy_node(root_, saved_in, entry.path);
}

}  // namespace piv
