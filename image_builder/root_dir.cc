#include "image_builder/root_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>
#include <memory>

#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#define PIV_HAVE_OPENAT2 1
#endif

namespace piv {

namespace {

constexpr int kMaxLinks = 40;  // as the kernel's own limit
constexpr std::size_t kMaxLinkTarget = 4096;

// What a tree's own shape can be the cause of; everything else is a fault of the machine, and says
// nothing about the tree.
ErrorCode code_of(int error) {
    switch (error) {
        case ENOENT:
        case ENOTDIR:
            return ErrorCode::FileNotFound;
        case ELOOP:
        case ENAMETOOLONG:
        case EINVAL:
        case EXDEV:
        case EISDIR:
        case ENXIO:
            return ErrorCode::ImageTree;
        default:
            return ErrorCode::FileUnreadable;
    }
}

Error tree_error(const std::string& path, int error) {
    return {code_of(error), path + ": " + errno_text(error)};
}

Result<std::string> read_link(int folder, const std::string& name) {
    std::string target(kMaxLinkTarget, '\0');
    const ssize_t n = readlinkat(folder, name.c_str(), target.data(), target.size());
    if (n < 0) {
        return tree_error(name, errno);
    }
    if (static_cast<std::size_t>(n) >= target.size() || n == 0) {
        return Error(ErrorCode::ImageTree, name + ": link target is empty or too long");
    }
    target.resize(static_cast<std::size_t>(n));
    return target;
}

// One step by the kernel. -2: the kernel lacks it or is told not to; the walk does the same.
int kernel_open(int root, const std::string& path, int flags) {
#if defined(PIV_HAVE_OPENAT2) && defined(SYS_openat2)
    open_how how{};
    how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    for (int attempt = 0; attempt < 64; ++attempt) {
        const long fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
        if (fd >= 0) {
            return static_cast<int>(fd);
        }
        // EAGAIN: a rename anywhere on the system raced with "..".
        if (errno != EAGAIN && errno != EINTR) {
            break;
        }
    }
    // EPERM: container runtimes that do not know the call answer so.
    const bool lacking =
        errno == ENOSYS || errno == EPERM || errno == E2BIG || errno == EINVAL || errno == EAGAIN;
    return lacking ? -2 : -1;
#else
    (void)root;
    (void)path;
    (void)flags;
    return -2;
#endif
}

// The walk: `stack` holds a descriptor for every folder from the root down, so ".." pops and cannot
// leave the root, wherever a folder is moved to meanwhile.
class Walker {
  public:
    explicit Walker(int root) : root_(root) {}

    Result<UniqueFd> open(const std::string& path, int flags) {
        push(path);
        while (!parts_.empty()) {
            const std::string part = parts_.front();
            parts_.pop_front();
            if (part == ".") {
                continue;
            }
            if (part == "..") {
                if (!stack_.empty()) {
                    stack_.pop_back();
                }
                continue;
            }
            Result<bool> last = step(part, flags, path);
            if (!last) {
                return std::move(last).error();
            }
            if (*last) {
                return std::move(result_);
            }
        }
        UniqueFd fd(openat(here(), ".", flags | O_CLOEXEC));
        if (!fd.valid()) {
            return tree_error(path, errno);
        }
        return fd;
    }

  private:
    [[nodiscard]] int here() const { return stack_.empty() ? root_ : stack_.back().get(); }

    void push(const std::string& path) {
        std::vector<std::string> parts = path_parts(path);
        // "file/" and "file/." ask for a folder: something is left behind the last name then.
        const std::size_t slash = path.rfind('/');
        const std::string last = slash == std::string::npos ? path : path.substr(slash + 1);
        if (last.empty() || last == ".") {
            parts.emplace_back(".");
        }
        parts_.insert(parts_.begin(), parts.begin(), parts.end());
    }

    // True when `part` was the last one and is now in result_.
    Result<bool> step(const std::string& part, int flags, const std::string& path) {
        UniqueFd fd(openat(here(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        struct stat st {};
        if (!fd.valid() || fstat(fd.get(), &st) != 0) {
            return tree_error(path, errno);
        }
        if (S_ISLNK(st.st_mode)) {
            if (++links_ > kMaxLinks) {
                return tree_error(path, ELOOP);
            }
            // From the descriptor: the link that was looked at, not what is there by now.
            std::string target(kMaxLinkTarget, '\0');
            const ssize_t n = readlinkat(fd.get(), "", target.data(), target.size());
            if (n <= 0 || static_cast<std::size_t>(n) >= target.size()) {
                return tree_error(path, n < 0 ? errno : ENAMETOOLONG);
            }
            target.resize(static_cast<std::size_t>(n));
            if (target.front() == '/') {
                stack_.clear();
            }
            push(target);
            return false;
        }
        if (parts_.empty()) {
            return reopen(fd, part, flags, path);
        }
        if (!S_ISDIR(st.st_mode)) {
            return tree_error(path, ENOTDIR);
        }
        stack_.push_back(std::move(fd));
        return false;
    }

    Result<bool> reopen(const UniqueFd& looked_at, const std::string& part, int flags,
                        const std::string& path) {
        result_ = UniqueFd(openat(here(), part.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
        struct stat before {};
        struct stat after {};
        if (!result_.valid() || fstat(looked_at.get(), &before) != 0 ||
            fstat(result_.get(), &after) != 0) {
            return tree_error(path, errno);
        }
        if (before.st_dev != after.st_dev || before.st_ino != after.st_ino) {
            return Error(ErrorCode::ImageTree, path + ": changed while it was opened");
        }
        return true;
    }

    int root_;
    std::deque<std::string> parts_;
    std::vector<UniqueFd> stack_;
    UniqueFd result_;
    int links_ = 0;
};

Status check_name(const std::string& path) {
    if (path.size() >= PATH_MAX || path.find('\0') != std::string::npos) {
        return Error(ErrorCode::ImageTree, "path is too long or holds a NUL");
    }
    return {};
}

}  // namespace

std::string errno_text(int error) {
    return std::strerror(error);
}

std::vector<std::string> path_parts(const std::string& path) {
    std::vector<std::string> parts;
    std::size_t at = 0;
    while (at < path.size()) {
        const std::size_t slash = std::min(path.find('/', at), path.size());
        std::string part = path.substr(at, slash - at);
        if (!part.empty() && part != ".") {
            parts.push_back(std::move(part));
        }
        at = slash + 1;
    }
    return parts;
}

std::string normal_path(const std::string& path) {
    std::vector<std::string> kept;
    for (std::string& part : path_parts(path)) {
        if (part != "..") {
            kept.push_back(std::move(part));
        } else if (!kept.empty()) {
            kept.pop_back();
        }
    }
    std::string out;
    for (const std::string& part : kept) {
        out += '/';
        out += part;
    }
    return out.empty() ? "/" : out;
}

std::string parent_path(const std::string& path) {
    const std::string normal = normal_path(path);
    const std::size_t slash = normal.rfind('/');
    return slash == 0 ? "/" : normal.substr(0, slash);
}

std::string resolve_link_text(const std::string& from, const std::string& target) {
    if (!target.empty() && target.front() == '/') {
        return normal_path(target);
    }
    return normal_path(parent_path(from) + "/" + target);
}

Result<RootDir> RootDir::open(const std::string& path, Walk walk) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) {
        return tree_error(path, errno);
    }
    if (walk == Walk::Kernel) {
        const UniqueFd probe(kernel_open(fd.get(), ".", O_PATH));
        if (!probe.valid()) {
            walk = Walk::Descriptors;
        }
    }
    return RootDir(std::move(fd), path, walk);
}

Result<UniqueFd> RootDir::open_at(const std::string& path, int flags) const {
    if (Status s = check_name(path); !s) {
        return std::move(s).error();
    }
    if (walk_ == Walk::Kernel) {
        const std::string relative = path.empty() || path == "/" ? "." : path;
        const int fd = kernel_open(root_.get(), relative, flags);
        if (fd >= 0) {
            return UniqueFd(fd);
        }
        if (fd == -1) {
            return tree_error(path, errno);
        }
    }
    return Walker(root_.get()).open(path, flags);
}

Result<UniqueFd> RootDir::open_folder(const std::string& path) const {
    return open_at(path, O_PATH | O_DIRECTORY);
}

Result<RootDir::Place> RootDir::locate(const std::string& path) const {
    if (Status s = check_name(path); !s) {
        return std::move(s).error();
    }
    const std::vector<std::string> parts = path_parts(path);
    if (parts.empty() || parts.back() == ".." || parts.back().size() > NAME_MAX) {
        return Error(ErrorCode::ImageTree, path + ": is not a path of something in a folder");
    }
    std::string folder = "/";
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        folder += parts[i] + "/";
    }
    Result<UniqueFd> fd = open_folder(folder);
    if (!fd) {
        return std::move(fd).error();
    }
    return Place{std::move(*fd), parts.back()};
}

Result<Node> RootDir::node(const std::string& path) const {
    Result<Place> place = locate(path);
    if (!place) {
        if (place.code() == ErrorCode::FileNotFound) {
            return Node{};
        }
        return std::move(place).error();
    }
    struct stat st {};
    if (fstatat(place->folder.get(), place->name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) {
            return Node{};
        }
        return tree_error(path, errno);
    }
    Node node;
    node.mode = st.st_mode & 07777U;
    node.uid = st.st_uid;
    node.gid = st.st_gid;
    node.mtime = st.st_mtim;
    node.atime = st.st_atim;
    if (S_ISREG(st.st_mode)) {
        node.kind = NodeKind::File;
    } else if (S_ISDIR(st.st_mode)) {
        node.kind = NodeKind::Folder;
    } else if (S_ISLNK(st.st_mode)) {
        node.kind = NodeKind::Link;
        Result<std::string> target = read_link(place->folder.get(), place->name);
        if (!target) {
            return std::move(target).error();
        }
        node.target = std::move(*target);
    } else {
        node.kind = NodeKind::Other;
    }
    return node;
}

Result<Bytes> RootDir::read(const std::string& path, std::size_t max_bytes) const {
    // Looked at before it is opened for reading: opening a device can have effects.
    Result<UniqueFd> look = open_at(path, O_PATH);
    if (!look) {
        return std::move(look).error();
    }
    struct stat st {};
    if (fstat(look->get(), &st) != 0) {
        return tree_error(path, errno);
    }
    if (!S_ISREG(st.st_mode)) {
        return Error(ErrorCode::ImageTree, path + ": is not a regular file");
    }
    Result<UniqueFd> fd = open_at(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd) {
        return std::move(fd).error();
    }
    struct stat opened {};
    if (fstat(fd->get(), &opened) != 0) {
        return tree_error(path, errno);
    }
    if (!S_ISREG(opened.st_mode)) {
        return Error(ErrorCode::ImageTree, path + ": is not a regular file");
    }
    Bytes content;
    std::size_t used = 0;
    content.resize(static_cast<std::size_t>(std::max<off_t>(opened.st_size, 0)) + 1);
    for (;;) {
        if (used > max_bytes || content.size() > max_bytes + 1) {
            return Error(ErrorCode::FileTooLarge,
                         path + ": larger than " + std::to_string(max_bytes) + " bytes");
        }
        const ssize_t n = ::read(fd->get(), content.data() + used, content.size() - used);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return Error(ErrorCode::FileUnreadable, path + ": " + errno_text(errno));
        }
        if (n == 0) {
            break;
        }
        used += static_cast<std::size_t>(n);
        if (used == content.size()) {
            content.resize(content.size() * 2);
        }
    }
    content.resize(used);
    return content;
}

Result<std::vector<std::string>> RootDir::list(const std::string& path) const {
    Result<UniqueFd> fd = open_at(path, O_RDONLY | O_DIRECTORY);
    if (!fd) {
        return std::move(fd).error();
    }
    struct Closer {
        void operator()(DIR* d) const noexcept { (void)closedir(d); }
    };
    const std::unique_ptr<DIR, Closer> dir(fdopendir(fd->get()));
    if (dir == nullptr) {
        return tree_error(path, errno);
    }
    (void)fd->release();  // closedir closes it
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(dir.get())) {
        const std::string name(entry->d_name);
        if (name != "." && name != "..") {
            names.push_back(name);
        }
        errno = 0;
    }
    if (errno != 0) {
        return tree_error(path, errno);
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace piv
