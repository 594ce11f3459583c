// Files below `--root DIR`: symbolic links and ".." inside the tree cannot lead out of it, whoever
// else may be writing there. An empty root is the running system, with plain paths.
#pragma once

#include <string>
#include <vector>

#include "pki/base/fd.h"
#include "pki/base/file.h"

namespace piv {

/// The folder of `path` inside `root`, held open: a name in it stays what it was found to be.
class RootedFolder {
  public:
    enum class Missing { Fail, Create };
    /// `folder` is absolute, as the system in the tree would see it. Created folders have mode 0755.
    /// Errors: FileNotFound, FileUnreadable, WriteFailed.
    static Result<RootedFolder> open(const std::string& root, const std::string& folder,
                                     Missing missing = Missing::Fail);
    /// As read_file_checked and the others; messages name `root` + the path.
    [[nodiscard]] Result<Bytes> read(const std::string& name, std::size_t max_bytes,
                                     Ownership owner = Ownership::Any) const;
    [[nodiscard]] Status write(const std::string& name, ByteView content, unsigned mode) const;
    /// A file that is not there is no error.
    [[nodiscard]] Status remove(const std::string& name) const;
    [[nodiscard]] Result<std::vector<std::string>> list(std::string_view suffix) const;
    /// When it was last written; 0: it is not there.
    [[nodiscard]] std::int64_t modified(const std::string& name) const noexcept;
    /// For messages.
    [[nodiscard]] std::string shown(const std::string& name) const { return shown_ + "/" + name; }

  private:
    RootedFolder(UniqueFd fd, std::string shown) : fd_(std::move(fd)), shown_(std::move(shown)) {}
    UniqueFd fd_;
    std::string shown_;
};

/// One file by its path in the system of `root`.
Result<Bytes> read_rooted(const std::string& root, const std::string& path, std::size_t max_bytes,
                          Ownership owner = Ownership::Any);
/// As read_rooted, but follows symbolic links, each as the system in the tree would: for what
/// distributions link (authselect's PAM files, os-release). Kernels before 5.6 refuse them.
Result<Bytes> read_followed(const std::string& root, const std::string& path,
                            std::size_t max_bytes);
Status write_rooted(const std::string& root, const std::string& path, ByteView content,
                    unsigned mode);

/// Splits "/a/b/c" into "/a/b" and "c".
std::pair<std::string, std::string> split_path(const std::string& path);

}  // namespace piv
