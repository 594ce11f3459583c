#include "image_builder/build_tool.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "image_builder/root_dir.h"
#include "pki/base/fd.h"
#include "pki/base/file.h"
#include "pki/base/time.h"

namespace piv {

namespace {

constexpr int kToolSeconds = 60;
constexpr std::size_t kMaxOutput = 4U << 20U;
constexpr char kOutput[] = "output";

int remove_one(const char* path, const struct stat* /*st*/, int /*kind*/, FTW* /*where*/) {
    return ::remove(path);
}

// In the child: only what is safe after fork().
[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment,
                         const char* folder) {
    constexpr int kCannot = 127;
    (void)setsid();  // no terminal to ask for a password on
    (void)umask(077);
    const int none = ::open("/dev/null", O_RDONLY);
    if (chdir(folder) != 0 || none < 0) {
        _exit(kCannot);
    }
    const int out = ::open(kOutput, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (out < 0 || dup2(none, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
        _exit(kCannot);
    }
    (void)execve(program, arguments, environment);
    _exit(kCannot);
}

// True when it ended; it is killed when it does not.
bool wait_for(pid_t child, int& status) {
    const Deadline deadline = Deadline::after_ms(kToolSeconds * 1000);
    for (;;) {
        const pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child) {
            return true;
        }
        if ((ended < 0 && errno != EINTR) || deadline.over()) {
            break;
        }
        const timespec pause{0, 2'000'000};
        (void)nanosleep(&pause, nullptr);
    }
    (void)kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return false;
}

}  // namespace

Result<WorkFolder> WorkFolder::make() {
    const char* temp = std::getenv("TMPDIR");
    std::string path = temp != nullptr && *temp == '/' ? temp : "/tmp";
    path += "/piv-image.XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
        return Error(ErrorCode::WriteFailed, path + ": " + errno_text(errno));
    }
    return WorkFolder(std::move(path));
}

WorkFolder::~WorkFolder() {
    constexpr int kOpenFolders = 8;
    if (!path_.empty()) {
        (void)nftw(path_.c_str(), remove_one, kOpenFolders, FTW_DEPTH | FTW_PHYS);
    }
}

Status WorkFolder::write(const std::string& name, ByteView content) const {
    const std::string path = path_ + "/" + name;
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    std::size_t done = 0;
    while (fd.valid() && done < content.size()) {
        const ssize_t n = ::write(fd.get(), content.data() + done, content.size() - done);
        if (n < 0 && errno != EINTR) {
            break;
        }
        done += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    if (!fd.valid() || done != content.size()) {
        return Error(ErrorCode::WriteFailed, path + ": " + errno_text(errno));
    }
    return {};
}

Status WorkFolder::make_folder(const std::string& name) const {
    const std::string path = path_ + "/" + name;
    if (mkdir(path.c_str(), 0700) != 0) {
        return Error(ErrorCode::WriteFailed, path + ": " + errno_text(errno));
    }
    return {};
}

bool has_build_tool(const std::string& program) {
    struct stat st {};
    return stat(program.c_str(), &st) == 0 && S_ISREG(st.st_mode) &&
           access(program.c_str(), X_OK) == 0;
}

Result<ToolRun> run_build_tool(const std::string& program,
                               const std::vector<std::string>& arguments,
                               const WorkFolder& folder) {
    std::vector<std::string> words{program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> environment{"LC_ALL=C", "PATH=/usr/bin:/bin", "HOME=" + folder.path()};
    const auto pointers = [](std::vector<std::string>& texts) {
        std::vector<char*> out(texts.size() + 1, nullptr);
        std::transform(texts.begin(), texts.end(), out.begin(),
                       [](std::string& text) { return text.data(); });
        return out;
    };
    const std::vector<char*> argv = pointers(words);
    const std::vector<char*> envp = pointers(environment);
    const pid_t child = fork();
    if (child == 0) {
        become(program.c_str(), argv.data(), envp.data(), folder.path().c_str());
    }
    if (child < 0) {
        return Error(ErrorCode::ImageTree, program + ": cannot be run: " + errno_text(errno));
    }
    int status = 0;
    if (!wait_for(child, status)) {
        return Error(ErrorCode::ImageTree,
                     program + ": did not end within " + std::to_string(kToolSeconds) + " seconds");
    }
    Result<Bytes> output = read_file(folder.path() + "/" + kOutput, kMaxOutput);
    if (!output) {
        return std::move(output).error();
    }
    ToolRun run;
    run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    run.output.assign(output->begin(), output->end());
    return run;
}

}  // namespace piv
