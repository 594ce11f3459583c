// Programs of the machine that builds, never of the tree: run at a fixed path, in a private folder,
// with an empty environment and no terminal.
#pragma once

#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "pki/base/result.h"

namespace piv {

/// A folder that nobody else can look into; it is gone when this is.
class WorkFolder {
  public:
    /// Below $TMPDIR, or /tmp. Error: WriteFailed.
    static Result<WorkFolder> make();
    ~WorkFolder();
    WorkFolder(WorkFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
    WorkFolder& operator=(WorkFolder&& other) = delete;
    WorkFolder(const WorkFolder&) = delete;
    WorkFolder& operator=(const WorkFolder&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// Writes a file below the folder. Error: WriteFailed.
    [[nodiscard]] Status write(const std::string& name, ByteView content) const;
    /// Makes a folder below it. Error: WriteFailed.
    [[nodiscard]] Status make_folder(const std::string& name) const;

  private:
    explicit WorkFolder(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

struct ToolRun {
    int status = -1;     // exit status; -1 when it was killed
    std::string output;  // what it said, on both outputs
};

/// Whether the machine has the program.
bool has_build_tool(const std::string& program);
/// Runs it in `folder` and waits, a minute at most. Errors: ImageTree when it cannot be run or does
/// not end, FileUnreadable, FileTooLarge (its output).
Result<ToolRun> run_build_tool(const std::string& program,
                               const std::vector<std::string>& arguments, const WorkFolder& folder);

}  // namespace piv
