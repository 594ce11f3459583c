#include "image_builder/staged_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "image_builder/tree.h"

namespace piv {

namespace {

Error write_error(const std::string& path, int error) {
    return {ErrorCode::WriteFailed, path + ": " + errno_text(error)};
}

// Best effort: a file system without attributes has none to keep.
void copy_attributes(int from, int to, const char* only) {
    std::vector<char> names(65536);
    const ssize_t size = flistxattr(from, names.data(), names.size());
    for (ssize_t at = 0; at < size;) {
        const std::string name(names.data() + at);
        at += static_cast<ssize_t>(name.size()) + 1;
        if (only != nullptr && name != only) {
            continue;
        }
        std::vector<char> value(65536);
        const ssize_t n = fgetxattr(from, name.c_str(), value.data(), value.size());
        if (n >= 0) {
            (void)fsetxattr(to, name.c_str(), value.data(), static_cast<std::size_t>(n), 0);
        }
    }
}

void take_attributes(const RootDir& root, const RootDir::Place& place, const std::string& like,
                     int to) {
    if (!like.empty()) {
        const Result<RootDir::Place> source = root.locate(like);
        if (source) {
            const UniqueFd fd(openat(source->folder.get(), source->name.c_str(),
                                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
            struct stat st {};
            if (fd.valid() && fstat(fd.get(), &st) == 0 && S_ISREG(st.st_mode)) {
                copy_attributes(fd.get(), to, nullptr);
                return;
            }
        }
    }
    const UniqueFd folder(openat(place.folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.valid()) {
        copy_attributes(folder.get(), to, "security.selinux");
    }
}

bool write_whole(int fd, ByteView content) {
    std::size_t done = 0;
    while (done < content.size()) {
        const ssize_t n = write(fd, content.data() + done, content.size() - done);
        if (n > 0) {
            done += static_cast<std::size_t>(n);
        } else if (n == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

Status remove_contents(int folder, int depth) {
    struct Closer {
        void operator()(DIR* d) const noexcept { (void)closedir(d); }
    };
    if (depth > 64) {
        return Error(ErrorCode::ImageTree, "folders are nested too deeply");
    }
    const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, Closer> dir(copy < 0 ? nullptr : fdopendir(copy));
    if (dir == nullptr) {
        return write_error("folder", errno);
    }
    while (const dirent* entry = readdir(dir.get())) {
        const std::string name(entry->d_name);
        if (name == "." || name == ".." || unlinkat(folder, name.c_str(), 0) == 0) {
            continue;
        }
        const UniqueFd inner(
            openat(folder, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!inner.valid()) {
            return write_error(name, errno);
        }
        if (Status s = remove_contents(inner.get(), depth + 1); !s) {
            return s;
        }
        if (unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0) {
            return write_error(name, errno);
        }
    }
    return {};
}

}  // namespace

std::string temporary_name(const std::string& name) {
    return ".piv-login-new." + name;
}

Status write_temporary(const RootDir& root, const std::string& path, const NewFile& file,
                       const std::string& like, bool sync) {
    Result<RootDir::Place> place = root.locate(path);
    if (!place) {
        return std::move(place).error();
    }
    const std::string name = temporary_name(place->name);
    (void)unlinkat(place->folder.get(), name.c_str(), 0);  // left by a run that was killed
    const UniqueFd fd(openat(place->folder.get(), name.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid()) {
        return write_error(path, errno);
    }
    bool good = write_whole(fd.get(), file.content);
    good = good && (geteuid() != 0 || fchown(fd.get(), file.uid, file.gid) == 0);
    good = good && fchmod(fd.get(), static_cast<mode_t>(file.mode)) == 0;
    if (good) {
        take_attributes(root, *place, like, fd.get());
        good = file.times == nullptr || futimens(fd.get(), file.times) == 0;
    }
    good = good && (!sync || fsync(fd.get()) == 0);
    if (!good) {
        const int error = errno;
        (void)unlinkat(place->folder.get(), name.c_str(), 0);
        return write_error(path, error);
    }
    return {};
}

Status link_temporary(const RootDir& root, const std::string& path, const std::string& target,
                      uid_t uid, gid_t gid, const timespec* times) {
    Result<RootDir::Place> place = root.locate(path);
    if (!place) {
        return std::move(place).error();
    }
    const std::string name = temporary_name(place->name);
    const int folder = place->folder.get();
    (void)unlinkat(folder, name.c_str(), 0);
    if (symlinkat(target.c_str(), folder, name.c_str()) != 0) {
        return write_error(path, errno);
    }
    bool good =
        geteuid() != 0 || fchownat(folder, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) == 0;
    good = good &&
           (times == nullptr || utimensat(folder, name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
    if (!good) {
        const int error = errno;
        (void)unlinkat(folder, name.c_str(), 0);
        return write_error(path, error);
    }
    return {};
}

Status rename_temporary(const RootDir& root, const std::string& path) {
    Result<RootDir::Place> place = root.locate(path);
    if (!place) {
        return std::move(place).error();
    }
    const int folder = place->folder.get();
    if (renameat(folder, temporary_name(place->name).c_str(), folder, place->name.c_str()) != 0) {
        return write_error(path, errno);
    }
    return {};
}

Status remove_temporary(const RootDir& root, const std::string& path) {
    Result<RootDir::Place> place = root.locate(path);
    if (place) {
        (void)unlinkat(place->folder.get(), temporary_name(place->name).c_str(), 0);
    }
    return {};
}

Status remove_file(const RootDir& root, const std::string& path) {
    Result<RootDir::Place> place = root.locate(path);
    if (!place) {
        return place.code() == ErrorCode::FileNotFound ? Status() : std::move(place).error();
    }
    if (unlinkat(place->folder.get(), place->name.c_str(), 0) != 0 && errno != ENOENT) {
        return write_error(path, errno);
    }
    return {};
}

Status make_folders(const RootDir& root, const std::string& path, unsigned mode,
                    std::vector<std::string>& made) {
    std::string at;
    for (const std::string& part : path_parts(path)) {
        at += "/" + part;
        if (root.open_folder(at).ok()) {
            continue;
        }
        Result<RootDir::Place> place = root.locate(at);
        if (!place) {
            return std::move(place).error();
        }
        const int folder = place->folder.get();
        if (mkdirat(folder, place->name.c_str(), static_cast<mode_t>(mode)) != 0) {
            return write_error(at, errno);
        }
        made.push_back(at);
        const UniqueFd fd(
            openat(folder, place->name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!fd.valid() || fchmod(fd.get(), static_cast<mode_t>(mode)) != 0 ||
            (geteuid() == 0 && fchown(fd.get(), 0, 0) != 0)) {
            return write_error(at, errno);
        }
        take_attributes(root, *place, "", fd.get());
    }
    return {};
}

Status remove_folder(const RootDir& root, const std::string& path) {
    Result<RootDir::Place> place = root.locate(path);
    if (!place) {
        return place.code() == ErrorCode::FileNotFound ? Status() : std::move(place).error();
    }
    if (unlinkat(place->folder.get(), place->name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT &&
        errno != ENOTEMPTY && errno != EEXIST) {
        return write_error(path, errno);
    }
    return {};
}

Status remove_tree(const RootDir& root, const std::string& path) {
    Result<RootDir::Place> place = root.locate(path);
    if (!place) {
        return place.code() == ErrorCode::FileNotFound ? Status() : std::move(place).error();
    }
    const UniqueFd fd(openat(place->folder.get(), place->name.c_str(),
                             O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) {
        return errno == ENOENT ? Status() : Status(write_error(path, errno));
    }
    if (Status s = remove_contents(fd.get(), 0); !s) {
        return s;
    }
    return remove_folder(root, path);
}

Status sync_folder(const RootDir& root, const std::string& path) {
    Result<UniqueFd> look = root.open_folder(path);
    if (!look) {
        return std::move(look).error();
    }
    const UniqueFd fd(openat(look->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) {
        return write_error(path, errno);
    }
    if (fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
        return write_error(path, errno);  // EINVAL: the file system cannot; the rename itself holds
    }
    return {};
}

Status sync_all(const RootDir& root) {
    if (syncfs(root.fd()) != 0) {
        return write_error("/", errno);
    }
    return {};
}

Status set_folder_times(const RootDir& root, const std::string& path, const timespec times[2]) {
    Result<UniqueFd> folder = root.open_folder(path);
    if (!folder) {
        return std::move(folder).error();
    }
    return utimensat(folder->get(), ".", times, 0) == 0 ? Status() : write_error(path, errno);
}

Status copy_node(const RootDir& root, const std::string& from, const std::string& to) {
    Result<Node> node = root.node(from);
    if (!node) {
        return std::move(node).error();
    }
    const timespec times[2] = {node->atime, node->mtime};
    if (node->kind == NodeKind::Link) {
        if (Status s = link_temporary(root, to, node->target, node->uid, node->gid, times); !s) {
            return s;
        }
        return rename_temporary(root, to);
    }
    if (node->kind != NodeKind::File) {
        return Error(ErrorCode::ImageTree, from + ": is neither a file nor a link");
    }
    Result<Bytes> content = root.read(from, kMaxTreeFile);
    if (!content) {
        return std::move(content).error();
    }
    const NewFile file{*content, node->mode, node->uid, node->gid, times};
    if (Status s = write_temporary(root, to, file, from, true); !s) {
        return s;
    }
    return rename_temporary(root, to);
}

}  // namespace piv
