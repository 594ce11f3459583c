#include "ocsp_client/cache_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

namespace piv {

namespace {

constexpr int kLockTries = 40;
constexpr unsigned kLockPauseUs = 5000;

Error failure(ErrorCode code, const std::string& path) {
    return {code, path + ": " + std::strerror(errno)};
}

Status check_owner(int fd, const std::string& path) {
    struct stat st {};
    if (fstat(fd, &st) != 0) {
        return failure(ErrorCode::FileUnreadable, path);
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        return Error(ErrorCode::InsecureConfig, path + ": belongs to another user");
    }
    if ((st.st_mode & 022U) != 0) {
        return Error(ErrorCode::InsecureConfig, path + ": is writable by group or others");
    }
    return {};
}

bool write_all(int fd, ByteView content) noexcept {
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

}  // namespace

Result<CacheFolder> CacheFolder::open(const std::string& path, Missing missing) {
    if (missing == Missing::Make) {
        (void)mkdir(path.substr(0, path.rfind('/')).c_str(), 0755);
        (void)mkdir(path.c_str(), 0755);  // what could not be made cannot be opened
    }
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) {
        return failure(errno == ENOENT ? ErrorCode::FileNotFound : ErrorCode::FileUnreadable, path);
    }
    if (Status s = check_owner(fd.get(), path); !s) {
        return std::move(s).error();
    }
    return CacheFolder(std::move(fd), path);
}

std::optional<Bytes> CacheFolder::read(const std::string& name, std::size_t max_bytes) const {
    const UniqueFd fd(
        openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat st {};
    if (!fd.valid() || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0 ||
        static_cast<std::size_t>(st.st_size) > max_bytes) {
        return std::nullopt;
    }
    Bytes content(static_cast<std::size_t>(st.st_size));
    std::size_t used = 0;
    while (used < content.size()) {
        const ssize_t n = ::read(fd.get(), content.data() + used, content.size() - used);
        if (n > 0) {
            used += static_cast<std::size_t>(n);
        } else if (n == 0 || errno != EINTR) {
            return std::nullopt;  // shorter than it was: not a file that replace() made
        }
    }
    return content;
}

Status CacheFolder::replace(const std::string& name, ByteView content) const {
    // Only who holds lock(), or writes this one name, uses the temporary name: a leftover is ours.
    const std::string temporary = name + ".tmp-" + std::to_string(getpid());
    (void)unlinkat(fd_.get(), temporary.c_str(), 0);
    const UniqueFd fd(openat(fd_.get(), temporary.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!fd.valid()) {
        return failure(ErrorCode::WriteFailed, path_ + "/" + name);
    }
    if (write_all(fd.get(), content) && fchmod(fd.get(), 0644) == 0 &&
        renameat(fd_.get(), temporary.c_str(), fd_.get(), name.c_str()) == 0) {
        return {};
    }
    const Error error = failure(ErrorCode::WriteFailed, path_ + "/" + name);
    (void)unlinkat(fd_.get(), temporary.c_str(), 0);
    return error;
}

bool CacheFolder::contains(const std::string& name) const noexcept {
    struct stat st {};
    return fstatat(fd_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

std::vector<std::string> CacheFolder::names(std::string_view suffix) const {
    std::vector<std::string> all;
    const int copy = openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(copy < 0 ? nullptr : fdopendir(copy),
                                                     closedir);
    while (folder) {
        const dirent* entry = readdir(folder.get());
        if (entry == nullptr) {
            break;
        }
        const std::string_view name(entry->d_name);
        if (name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix) {
            all.emplace_back(name);
        }
    }
    std::sort(all.begin(), all.end());
    return all;
}

void CacheFolder::make_room(std::string_view suffix, std::size_t limit) const {
    const std::vector<std::string> all = names(suffix);
    if (all.size() < limit) {
        return;
    }
    std::vector<std::pair<std::int64_t, std::string>> by_age;
    for (const std::string& name : all) {
        struct stat st {};
        if (fstatat(fd_.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
            by_age.emplace_back(st.st_mtime, name);
        }
    }
    std::sort(by_age.begin(), by_age.end());
    const std::size_t surplus = std::min(by_age.size(), all.size() - limit + limit / 8);
    for (std::size_t i = 0; i < surplus; ++i) {
        (void)unlinkat(fd_.get(), by_age[i].second.c_str(), 0);
    }
}

UniqueFd CacheFolder::lock() const {
    UniqueFd fd(
        openat(fd_.get(), ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    for (int tries = 0; fd.valid() && flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
        if (tries >= kLockTries) {
            return UniqueFd();
        }
        (void)usleep(kLockPauseUs);
    }
    return fd;
}

}  // namespace piv
