// Tree: what planning and proving read. The tree on disk; the same as it was before we staged into
// it; or as it will be once a plan is applied. Paths are absolute inside the root.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "image_builder/root_dir.h"

namespace piv {

class Tree {
  public:
    virtual ~Tree() = default;
    /// The last component is not followed. Errors: ImageTree.
    [[nodiscard]] virtual Result<Node> node(const std::string& path) const = 0;
    /// A regular file that is no link itself. Errors: as RootDir::read.
    [[nodiscard]] virtual Result<Bytes> read_plain(const std::string& path) const = 0;
    /// Names in a folder; empty when there is none.
    [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& path) const = 0;

    /// Text of a file, links followed inside the tree. Errors: FileNotFound and as read_plain.
    [[nodiscard]] Result<std::string> read(const std::string& path) const;
    /// Something is there, links followed.
    [[nodiscard]] bool exists(const std::string& path) const;
    /// Where `path` leads when links of its last component are followed.
    [[nodiscard]] Result<std::string> follow(const std::string& path) const;
};

inline constexpr std::size_t kMaxTreeFile = 4U << 20U;

class DiskTree : public Tree {
  public:
    explicit DiskTree(const RootDir& root) : root_(root) {}
    [[nodiscard]] Result<Node> node(const std::string& path) const override;
    [[nodiscard]] Result<Bytes> read_plain(const std::string& path) const override;
    [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const override;

    /// The first thing that could not be looked at, for a cause that is not in the tree (an I/O error,
    /// no permission). Whatever was concluded from "it is not there" may be wrong then.
    [[nodiscard]] const std::optional<Error>& fault() const noexcept { return fault_; }

  private:
    template <typename T>
    Result<T> noted(Result<T> result) const;

    const RootDir& root_;
    mutable std::optional<Error> fault_;
};

/// A tree with some paths laid over another one.
class OverlayTree : public Tree {
  public:
    explicit OverlayTree(const Tree& below) : below_(below) {}
    void put_file(const std::string& path, Bytes content, unsigned mode, uid_t uid = 0,
                  gid_t gid = 0);
    void put_link(const std::string& path, const std::string& target);
    void put_absent(const std::string& path);

    [[nodiscard]] Result<Node> node(const std::string& path) const override;
    [[nodiscard]] Result<Bytes> read_plain(const std::string& path) const override;
    [[nodiscard]] Result<std::vector<std::string>> list(const std::string& path) const override;

  private:
    struct Laid {
        Node node;
        Bytes content;
    };
    const Tree& below_;
    std::map<std::string, Laid> laid_;
    std::set<std::string> folders_;  // that exist because something is laid in them
};

}  // namespace piv
