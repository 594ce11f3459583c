// The few writes that staging does, each relative to a folder's descriptor: a temporary beside its
// target with mode, owner, label and times, and its rename.
#pragma once

#include "image_builder/manifest.h"

namespace piv {

/// Name of the temporary beside `name`.
std::string temporary_name(const std::string& name);

struct NewFile {
    ByteView content;
    unsigned mode = 0600;
    uid_t uid = 0;
    gid_t gid = 0;
    const timespec* times = nullptr;  // access and modification time, or nullptr for now
};
/// Writes the temporary for `path`: O_EXCL, owner, mode, extended attributes of `like` (or, without
/// one, the label of the folder), fsync if `sync`. Error: WriteFailed.
Status write_temporary(const RootDir& root, const std::string& path, const NewFile& file,
                       const std::string& like, bool sync);
Status link_temporary(const RootDir& root, const std::string& path, const std::string& target,
                      uid_t uid, gid_t gid, const timespec* times);
/// Renames the temporary of `path` over it.
Status rename_temporary(const RootDir& root, const std::string& path);
/// Removes it if it is there.
Status remove_temporary(const RootDir& root, const std::string& path);
Status remove_file(const RootDir& root, const std::string& path);  // absent is fine

/// Makes `path` and the folders above it that are missing; appends what it made to `made`.
Status make_folders(const RootDir& root, const std::string& path, unsigned mode,
                    std::vector<std::string>& made);
Status remove_folder(const RootDir& root, const std::string& path);  // absent or not empty is fine
/// Removes a folder of ours with everything in it; follows no link.
Status remove_tree(const RootDir& root, const std::string& path);
Status sync_folder(const RootDir& root, const std::string& path);
/// Writes everything dirty of the root's file system to disk.
Status sync_all(const RootDir& root);
/// Links of a folder are followed inside the root.
Status set_folder_times(const RootDir& root, const std::string& path, const timespec times[2]);

/// Copies a file or link to another path of the tree with mode, owner, attributes and times.
Status copy_node(const RootDir& root, const std::string& from, const std::string& to);

}  // namespace piv
