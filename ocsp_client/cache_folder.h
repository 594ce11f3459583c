// A folder of files that only root, or the user whose process this is, can have put there. It is
// held open: nothing leads out of it, whoever may rename what is above it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pki/base/bytes.h"
#include "pki/base/fd.h"
#include "pki/base/result.h"

namespace piv {

class CacheFolder {
  public:
    enum class Missing { Fail, Make };
    /// Refused: a symbolic link, a folder of another user, one that group or others may write to.
    /// With Make, the folder and the one above it are made. Errors: FileNotFound, FileUnreadable,
    /// InsecureConfig, WriteFailed.
    static Result<CacheFolder> open(const std::string& path, Missing missing);

    /// A regular file's content; nothing for one that is missing, larger, or not a regular file.
    [[nodiscard]] std::optional<Bytes> read(const std::string& name, std::size_t max_bytes) const;
    /// A reader sees the old file or the new one. Without fsync: after a crash a torn file has to
    /// be noticed by who reads it. Error: WriteFailed.
    Status replace(const std::string& name, ByteView content) const;
    [[nodiscard]] bool contains(const std::string& name) const noexcept;
    /// Names that end in `suffix`, sorted.
    [[nodiscard]] std::vector<std::string> names(std::string_view suffix) const;
    /// Removes the oldest files that end in `suffix`, an eighth of `limit` at a time, when there
    /// are `limit` of them or more.
    void make_room(std::string_view suffix, std::size_t limit) const;

    /// One writer at a time; held until the descriptor is closed. Not valid: nobody let go within
    /// 200 ms.
    [[nodiscard]] UniqueFd lock() const;

  private:
    CacheFolder(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    UniqueFd fd_;
    std::string path_;  // for messages
};

}  // namespace piv
