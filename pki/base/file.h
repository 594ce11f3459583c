// Whole files: read with a cap, written so that a reader sees the old one or the new one.
#pragma once

#include <string>

#include "pki/base/bytes.h"
#include "pki/base/result.h"

namespace piv {

/// Reads a regular file of at most `max_bytes`. Never blocks on a FIFO, never reads a device.
/// Errors: FileNotFound, FileUnreadable (not regular, no permission, I/O), FileTooLarge.
Result<Bytes> read_file(const std::string& path, std::size_t max_bytes);

enum class Ownership { Any, RootOnly };
/// As read_file, and with RootOnly the file must belong to root (or to the effective user of an
/// unprivileged process) and not be writable by group or others. Error: InsecureConfig.
Result<Bytes> read_file_checked(const std::string& path, std::size_t max_bytes, Ownership owner);

/// Temporary name in the same folder, write, fchmod, fsync, rename, fsync of the folder.
Status write_file_atomically(const std::string& path, ByteView content, unsigned mode);

/// Names of the entries of a folder that end in `suffix`, sorted bytewise, without "." and "..".
Result<std::vector<std::string>> list_folder(const std::string& path, std::string_view suffix);

}  // namespace piv
