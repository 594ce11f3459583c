// RootDir: a tree that may belong to somebody else, reached by descriptors only. Every path is taken
// relative to the root's descriptor; links, absolute ones too, are followed inside the root and never
// out of it, whoever renames things meanwhile. By openat2(RESOLVE_IN_ROOT) where the kernel has it
// and lets us, else by a walk that keeps a descriptor for every folder it went through.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "pki/base/fd.h"
#include "pki/base/result.h"

namespace piv {

enum class NodeKind { Absent, File, Link, Folder, Other };

/// What is at a path, the last component not followed.
struct Node {
    NodeKind kind = NodeKind::Absent;
    unsigned mode = 0;  // permission bits only
    uid_t uid = 0;
    gid_t gid = 0;
    std::string target;  // of a link
    timespec mtime{};
    timespec atime{};
};

class RootDir {
  public:
    enum class Walk { Kernel, Descriptors };

    /// Opens the folder `path`. Errors: FileNotFound, ImageTree.
    static Result<RootDir> open(const std::string& path, Walk walk = Walk::Kernel);

    /// The folder that holds the last component of `path`, and that component's name.
    struct Place {
        UniqueFd folder;
        std::string name;
    };
    /// Folders on the way are followed inside the root; the last component is not looked at.
    /// Errors: FileNotFound, ImageTree (a loop, not a folder, "..", an empty or overlong name).
    [[nodiscard]] Result<Place> locate(const std::string& path) const;
    /// An O_PATH descriptor of the folder `path`, links followed inside the root.
    [[nodiscard]] Result<UniqueFd> open_folder(const std::string& path) const;
    /// Absent for a path whose folder does not exist either.
    [[nodiscard]] Result<Node> node(const std::string& path) const;
    /// A regular file, links followed inside the root; never blocks on a FIFO or opens a device.
    /// Errors: FileNotFound, FileTooLarge, ImageTree; FileUnreadable for a cause that is not in the tree.
    [[nodiscard]] Result<Bytes> read(const std::string& path, std::size_t max_bytes) const;
    /// Names in a folder, sorted bytewise, without "." and "..".
    [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const;

    [[nodiscard]] int fd() const noexcept { return root_.get(); }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] Walk walk() const noexcept { return walk_; }

  private:
    RootDir(UniqueFd root, std::string path, Walk walk)
        : root_(std::move(root)), path_(std::move(path)), walk_(walk) {}
    [[nodiscard]] Result<UniqueFd> open_at(const std::string& path, int flags) const;

    UniqueFd root_;
    std::string path_;
    Walk walk_;
};

/// Splits into components; "." and empty ones are dropped, ".." is kept.
std::vector<std::string> path_parts(const std::string& path);
/// "/a/b" for "a//b/./"; ".." goes up by text and never above the root.
std::string normal_path(const std::string& path);
std::string parent_path(const std::string& path);
/// `path` as seen from the folder of `from` when `path` is a link's target.
std::string resolve_link_text(const std::string& from, const std::string& target);
/// Text of errno for messages.
std::string errno_text(int error);

}  // namespace piv
