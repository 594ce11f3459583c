#include "pki/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "pki/base/fd.h"

namespace piv {

namespace {

Error system_error(ErrorCode code, const std::string& path, int error) {
    return {code, path + ": " + std::strerror(error)};
}

Status check_owner(const std::string& path, const struct stat& st) {
    const bool owner_ok = st.st_uid == 0 || (geteuid() != 0 && st.st_uid == geteuid());
    if (!owner_ok) {
        return Error(ErrorCode::InsecureConfig, path + ": does not belong to root");
    }
    if ((st.st_mode & 022U) != 0) {
        return Error(ErrorCode::InsecureConfig, path + ": is writable by group or others");
    }
    return {};
}

}  // namespace

Result<Bytes> read_file(const std::string& path, std::size_t max_bytes) {
    return read_file_checked(path, max_bytes, Ownership::Any);
}

Result<Bytes> read_file_checked(const std::string& path, std::size_t max_bytes, Ownership owner) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd.valid()) {
        const bool missing = errno == ENOENT || errno == ENOTDIR;
        return system_error(missing ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable, path,
                            errno);
    }
    struct stat st {};
    if (fstat(fd.get(), &st) != 0) {
        return system_error(ErrorCode::FileUnreadable, path, errno);
    }
    if (!S_ISREG(st.st_mode)) {
        return Error(ErrorCode::FileUnreadable, path + ": is not a regular file");
    }
    if (owner == Ownership::RootOnly) {
        if (Status s = check_owner(path, st); !s) {
            return std::move(s).error();
        }
    }
    if (st.st_size < 0 || static_cast<std::size_t>(st.st_size) > max_bytes) {
        return Error(ErrorCode::FileTooLarge,
                     path + ": larger than " + std::to_string(max_bytes) + " bytes");
    }
    Bytes content(static_cast<std::size_t>(st.st_size) + 1);  // one more shows a growing file
    std::size_t used = 0;
    for (;;) {
        const ssize_t n = read(fd.get(), content.data() + used, content.size() - used);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return system_error(ErrorCode::FileUnreadable, path, errno);
        }
        if (n == 0) {
            break;
        }
        used += static_cast<std::size_t>(n);
        if (used > max_bytes) {
            return Error(ErrorCode::FileTooLarge,
                         path + ": larger than " + std::to_string(max_bytes) + " bytes");
        }
        if (used == content.size()) {
            content.resize(content.size() * 2);
        }
    }
    content.resize(used);
    return content;
}

Status write_file_atomically(const std::string& path, ByteView content, unsigned mode) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    std::string temporary = path + ".tmp-XXXXXX";
    UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd.valid()) {
        return system_error(ErrorCode::WriteFailed, path, errno);
    }
    std::size_t done = 0;
    bool good = true;
    while (good && done < content.size()) {
        const ssize_t n = write(fd.get(), content.data() + done, content.size() - done);
        if (n > 0) {
            done += static_cast<std::size_t>(n);
        } else if (n == 0 || errno != EINTR) {
            good = false;
        }
    }
    good = good && fchmod(fd.get(), static_cast<mode_t>(mode)) == 0 && fsync(fd.get()) == 0 &&
           rename(temporary.c_str(), path.c_str()) == 0;
    if (!good) {
        const int error = errno;
        (void)unlink(temporary.c_str());
        return system_error(ErrorCode::WriteFailed, path, error);
    }
    const UniqueFd directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.valid()) {
        (void)fsync(directory.get());  // some file systems cannot; the rename itself holds
    }
    return {};
}

Result<std::vector<std::string>> list_folder(const std::string& path, std::string_view suffix) {
    struct Closer {
        void operator()(DIR* d) const noexcept { (void)closedir(d); }
    };
    const std::unique_ptr<DIR, Closer> dir(opendir(path.c_str()));
    if (dir == nullptr) {
        const bool missing = errno == ENOENT || errno == ENOTDIR;
        return system_error(missing ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable, path,
                            errno);
    }
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(dir.get())) {
        const std::string_view name(entry->d_name);
        if (name != "." && name != ".." && name.size() >= suffix.size() &&
            name.substr(name.size() - suffix.size()) == suffix) {
            names.emplace_back(name);
        }
        errno = 0;
    }
    if (errno != 0) {
        return system_error(ErrorCode::FileUnreadable, path, errno);
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace piv
