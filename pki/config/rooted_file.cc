#include "pki/config/rooted_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#ifndef SYS_openat2
#define SYS_openat2 437  // the same number on every architecture
#endif

namespace piv {

namespace {

// openat2(2), from Linux 5.6; the headers of older systems lack it.
struct OpenHow {
    std::uint64_t flags;
    std::uint64_t mode;
    std::uint64_t resolve;
};
constexpr std::uint64_t kResolveNoMagicLinks = 0x02;
constexpr std::uint64_t kResolveInRoot = 0x10;

// The parts of a path, without empty ones and ".".
std::vector<std::string> parts_of(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < path.size();) {
        const std::size_t end = std::min(path.find('/', i), path.size());
        const std::string part = path.substr(i, end - i);
        if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
        i = end + 1;
    }
    return parts;
}

// Kernels without openat2: one part after the other, and no symbolic links at all.
int walk(int root, const std::string& path, int flags) {
    UniqueFd at(openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    const std::vector<std::string> parts = parts_of(path);
    for (std::size_t i = 0; i < parts.size() && at.valid(); ++i) {
        if (parts[i] == "..") {
            errno = EXDEV;
            return -1;
        }
        const bool last = i + 1 == parts.size();
        at.reset(openat(at.get(), parts[i].c_str(),
                        (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC));
    }
    return at.release();
}

int open_in_root(int root, const std::string& path, int flags) {
    const OpenHow how{static_cast<std::uint64_t>(flags | O_CLOEXEC), 0,
                      kResolveInRoot | kResolveNoMagicLinks};
    const std::string relative = path.empty() ? "." : path;
    const long fd = syscall(SYS_openat2, root, relative.c_str(), &how, sizeof how);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) {
        return static_cast<int>(fd);
    }
    return walk(root, path, flags);
}

std::string by_descriptor(const UniqueFd& fd) {
    return "/proc/self/fd/" + std::to_string(fd.get());
}

Error system_error(ErrorCode code, const std::string& shown) {
    return {code, shown + ": " + std::strerror(errno)};
}

Error renamed(const Error& error, const std::string& from, const std::string& to) {
    Error out = error;
    if (const std::size_t at = out.detail.find(from); at != std::string::npos) {
        out.detail.replace(at, from.size(), to);
    }
    return out;
}

Status create_folders(int root, const std::string& folder, const std::string& shown) {
    std::string made;
    for (const std::string& part : parts_of(folder)) {
        const UniqueFd parent(open_in_root(root, made, O_PATH | O_DIRECTORY));
        if (!parent.valid() ||
            (mkdirat(parent.get(), part.c_str(), 0755) != 0 && errno != EEXIST)) {
            return system_error(ErrorCode::WriteFailed, shown);
        }
        made += "/" + part;
    }
    return {};
}

}  // namespace

std::pair<std::string, std::string> split_path(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
        return {"", path};
    }
    return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

Result<RootedFolder> RootedFolder::open(const std::string& root, const std::string& folder,
                                        Missing missing) {
    const std::string shown = root + folder;
    const UniqueFd top(::open(root.empty() ? "/" : root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!top.valid()) {
        return system_error(errno == ENOENT ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable,
                            root);
    }
    UniqueFd fd(open_in_root(top.get(), folder, O_PATH | O_DIRECTORY));
    if (!fd.valid() && errno == ENOENT && missing == Missing::Create) {
        if (Status s = create_folders(top.get(), folder, shown); !s) {
            return std::move(s).error();
        }
        fd.reset(open_in_root(top.get(), folder, O_PATH | O_DIRECTORY));
    }
    if (!fd.valid()) {
        const bool absent = errno == ENOENT || errno == ENOTDIR;
        return system_error(absent ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable, shown);
    }
    return RootedFolder(std::move(fd), shown);
}

Result<Bytes> RootedFolder::read(const std::string& name, std::size_t max_bytes,
                                 Ownership owner) const {
    // A link as the last part could lead out of the tree: it is refused.
    const UniqueFd file(openat(fd_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file.valid()) {
        return system_error(errno == ENOENT ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable,
                            shown(name));
    }
    struct stat st {};
    if (fstat(file.get(), &st) != 0 || S_ISLNK(st.st_mode)) {
        return Error(ErrorCode::FileUnreadable, shown(name) + ": is a symbolic link");
    }
    const std::string path = by_descriptor(file);
    auto content = read_file_checked(path, max_bytes, owner);
    if (!content) {
        return renamed(content.error(), path, shown(name));
    }
    return content;
}

Status RootedFolder::write(const std::string& name, ByteView content, unsigned mode) const {
    const std::string path = by_descriptor(fd_) + "/" + name;
    Status s = write_file_atomically(path, content, mode);
    return s ? Status() : Status(renamed(s.error(), path, shown(name)));
}

Status RootedFolder::remove(const std::string& name) const {
    if (unlinkat(fd_.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
        return system_error(ErrorCode::WriteFailed, shown(name));
    }
    return {};
}

std::int64_t RootedFolder::modified(const std::string& name) const noexcept {
    struct stat st {};
    return fstatat(fd_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0
               ? static_cast<std::int64_t>(st.st_mtime)
               : 0;
}

Result<std::vector<std::string>> RootedFolder::list(std::string_view suffix) const {
    const std::string path = by_descriptor(fd_);
    auto names = list_folder(path, suffix);
    if (!names) {
        return renamed(names.error(), path, shown_);
    }
    return names;
}

Result<Bytes> read_rooted(const std::string& root, const std::string& path, std::size_t max_bytes,
                          Ownership owner) {
    if (root.empty()) {
        return read_file_checked(path, max_bytes, owner);
    }
    const auto [folder, name] = split_path(path);
    const auto opened = RootedFolder::open(root, folder);
    return opened ? opened->read(name, max_bytes, owner) : Result<Bytes>(opened.error());
}

Result<Bytes> read_followed(const std::string& root, const std::string& path,
                            std::size_t max_bytes) {
    if (root.empty()) {
        return read_file(path, max_bytes);
    }
    const UniqueFd top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd file(top.valid() ? open_in_root(top.get(), path, O_PATH) : -1);
    if (!file.valid()) {
        return system_error(errno == ENOENT ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable,
                            root + path);
    }
    const std::string opened = by_descriptor(file);
    auto content = read_file(opened, max_bytes);
    return content ? std::move(content) : renamed(content.error(), opened, root + path);
}

Status write_rooted(const std::string& root, const std::string& path, ByteView content,
                    unsigned mode) {
    const auto [folder, name] = split_path(path);
    const auto opened = RootedFolder::open(root, folder, RootedFolder::Missing::Create);
    return opened ? opened->write(name, content, mode) : Status(opened.error());
}

}  // namespace piv
