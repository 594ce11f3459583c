#include "pam_module/helper/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace piv {

namespace {

constexpr char kRoleUser[] = "piv-login";
constexpr uid_t kNobody = 65534;

bool close_range_call(unsigned first, unsigned last) noexcept {
    return first > last || syscall(SYS_close_range, first, last, 0U) == 0;
}

// For kernels before 5.9.
void close_by_listing(int first, int keep) noexcept {
    DIR* folder = opendir("/proc/self/fd");
    if (folder == nullptr) {
        rlimit limit{};
        const bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536;
        const int end = known ? static_cast<int>(limit.rlim_cur) : 65536;
        for (int fd = first; fd < end; ++fd) {
            if (fd != keep) {
                (void)close(fd);
            }
        }
        return;
    }
    const int own = dirfd(folder);
    while (const dirent* entry = readdir(folder)) {
        const auto fd = static_cast<int>(std::strtol(entry->d_name, nullptr, 10));
        if (fd >= first && fd != keep && fd != own) {
            (void)close(fd);
        }
    }
    (void)closedir(folder);
}

bool standard_descriptors() noexcept {
    const int null = open("/dev/null", O_RDWR | O_NOCTTY);
    if (null < 0) {
        return false;
    }
    bool good = true;
    for (int fd = 0; fd <= 2; ++fd) {
        good = good && (null == fd || dup2(null, fd) == fd);
    }
    if (null > 2) {
        (void)close(null);
    }
    return good;
}

void default_signals() noexcept {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) {
        (void)sigaction(number, &action, nullptr);
    }
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, nullptr);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, nullptr);
}

void lower_limit(int resource, rlim_t value) noexcept {
    rlimit limit{};
    if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) == 0 &&
        (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > value)) {
        limit = {value, value};
        (void)setrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
    }
}

void limits() noexcept {
    lower_limit(RLIMIT_CORE, 0);
    lower_limit(RLIMIT_NOFILE, 256);
    lower_limit(RLIMIT_CPU, 60);
    lower_limit(RLIMIT_FSIZE, 64U << 20U);
#if !defined(__SANITIZE_ADDRESS__)
    lower_limit(RLIMIT_AS, 1U << 30U);
#endif
}

// A setuid caller has its user's real id: with it that user could send us signals.
bool become_root_altogether() noexcept {
    if (geteuid() != 0) {
        return true;
    }
    const bool groups = setgroups(0, nullptr) == 0 || errno == EPERM;
    return groups && setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0;
}

struct Ids {
    uid_t uid = kNobody;
    gid_t gid = kNobody;
    std::vector<gid_t> groups;
};

// The fields of one line of passwd(5) or group(5).
std::vector<std::string_view> fields_of(std::string_view line) {
    std::vector<std::string_view> fields;
    for (std::size_t end = line.find(':'); end != std::string_view::npos; end = line.find(':')) {
        fields.push_back(line.substr(0, end));
        line.remove_prefix(end + 1);
    }
    fields.push_back(line);
    return fields;
}

struct FileCloser {
    void operator()(FILE* file) const noexcept { (void)std::fclose(file); }
};
struct Free {
    void operator()(char* memory) const noexcept { std::free(memory); }
};

// Calls `each` with the fields of every line until it returns false. Not fgetpwent(), which asks for
// the place in the file before each line.
template <typename Each>
void for_each_entry(const char* path, const Each& each) {
    const std::unique_ptr<FILE, FileCloser> file(std::fopen(path, "re"));
    char* memory = nullptr;
    std::size_t size = 0;
    ssize_t length = 0;
    while (file != nullptr && (length = getline(&memory, &size, file.get())) > 0) {
        std::string_view line(memory, static_cast<std::size_t>(length));
        line = line.substr(0, line.find('\n'));
        if (!each(fields_of(line))) {
            break;
        }
    }
    const std::unique_ptr<char, Free> release(memory);
}

bool is_member(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        const std::string_view one = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), one.size() + 1));
        if (one == name) {
            return true;
        }
    }
    return false;
}

// An id other than root's.
bool read_id(std::string_view text, unsigned& out) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value == 0 ||
        value == static_cast<unsigned>(-1)) {
        return false;
    }
    out = value;
    return true;
}

// From the local files alone: the role's user is made by the package, and no name service is asked.
bool role_ids(Ids& out) {
    bool found = false;
    for_each_entry("/etc/passwd", [&](const std::vector<std::string_view>& entry) {
        found = entry.size() == 7 && entry[0] == kRoleUser && read_id(entry[2], out.uid) &&
                read_id(entry[3], out.gid);
        return !found;
    });
    if (!found) {
        out = Ids();
        return false;
    }
    for_each_entry("/etc/group", [&](const std::vector<std::string_view>& entry) {
        unsigned gid = 0;
        if (entry.size() == 4 && is_member(entry[3], kRoleUser) && read_id(entry[2], gid)) {
            out.groups.push_back(gid);
        }
        return true;
    });
    return true;
}

}  // namespace

void close_descriptors_from(int first, int keep) noexcept {
    const auto from = static_cast<unsigned>(first);
    bool closed = false;
    if (keep >= first) {
        const auto kept = static_cast<unsigned>(keep);
        closed =
            (kept == from || close_range_call(from, kept - 1U)) && close_range_call(kept + 1U, ~0U);
    } else {
        closed = close_range_call(from, ~0U);
    }
    if (!closed) {
        close_by_listing(first, keep);
    }
}

bool sanitise_process() noexcept {
    struct stat st {};
    if (fstat(kHelperSocket, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return false;
    }
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return false;
    }
    close_descriptors_from(kHelperSocket + 1, -1);
    (void)fcntl(kHelperSocket, F_SETFD, FD_CLOEXEC);
    (void)clearenv();
    (void)umask(077);
    default_signals();
    (void)setsid();  // already a group leader of its own: then this fails and changes nothing
    limits();
    return standard_descriptors() && chdir("/") == 0 && become_root_altogether() &&
           prctl(PR_SET_DUMPABLE, 0) == 0;  // changing ids may have set it again
}

void prepare_role_folder(const std::string& folder) noexcept {
    const std::size_t slash = folder.rfind('/');
    if (geteuid() != 0 || slash == std::string::npos || slash == 0) {
        return;
    }
    const std::string above = folder.substr(0, slash);
    constexpr mode_t kAbove = 0711;
    struct stat st {};
    if (lstat(above.c_str(), &st) != 0) {
        (void)mkdir(above.c_str(), kAbove);
        (void)chmod(above.c_str(), kAbove);  // whatever the umask is
    } else if (st.st_uid != 0 || !S_ISDIR(st.st_mode) || (st.st_mode & 022U) != 0) {
        return;  // somebody else's: what is made there could be exchanged
    } else if ((st.st_mode & 0111U) != 0111U) {
        (void)chmod(above.c_str(), kAbove);
    }
    if (lstat(folder.c_str(), &st) == 0) {
        return;
    }
    Ids ids;
    (void)role_ids(ids);
    if (mkdir(folder.c_str(), 0700) == 0 && lchown(folder.c_str(), ids.uid, ids.gid) != 0) {
        (void)rmdir(folder.c_str());  // the next attempt tries again
    }
}

Status drop_privileges(bool& fallback) {
    if (geteuid() != 0) {
        return {};
    }
    Ids ids;
    fallback = !role_ids(ids);
    const bool dropped = setgroups(ids.groups.size(), ids.groups.data()) == 0 &&
                         setresgid(ids.gid, ids.gid, ids.gid) == 0 &&
                         setresuid(ids.uid, ids.uid, ids.uid) == 0;
    if (!dropped || geteuid() != ids.uid || setresuid(0, 0, 0) == 0) {
        return Error(ErrorCode::Internal, "cannot give up root for the card role");
    }
    return {};
}

}  // namespace piv
