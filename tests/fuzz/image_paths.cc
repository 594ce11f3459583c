// Paths in an image root: our walk by descriptors against the kernel's openat2(RESOLVE_IN_ROOT), in a
// tree that the input describes. One line each:
//   d PATH         a folder        f PATH         a file
//   l PATH TARGET  a link          r PATH         a path to resolve
// What is made is made by plain names in folders that were made: only the paths to resolve, and the
// targets of links, are hostile.
#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <set>

#include "image_builder/root_dir.h"

using namespace piv;

namespace {

int remove_one(const char* path, const struct stat* /*st*/, int /*type*/, FTW* /*where*/) {
    return remove(path);
}

// A root with something beside it, made anew for each input.
class Ground {
  public:
    Ground() {
        std::snprintf(base_, sizeof base_, "%s/piv-fuzz.XXXXXX",
                      access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        if (mkdtemp(base_) == nullptr) {
            std::perror(base_);
            std::exit(77);
        }
        outside_ = std::string(base_) + "/outside";
        root_ = std::string(base_) + "/root";
        write_file(outside_);
        (void)mkdir(root_.c_str(), 0755);
    }
    ~Ground() { (void)nftw(base_, remove_one, 16, FTW_DEPTH | FTW_PHYS); }
    Ground(const Ground&) = delete;
    Ground& operator=(const Ground&) = delete;

    [[nodiscard]] const std::string& root() const { return root_; }
    [[nodiscard]] const std::string& outside() const { return outside_; }

    void make(char kind, const std::string& path, const std::string& target) {
        const std::size_t slash = path.rfind('/');
        const std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
        const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
        if (name.empty() || name.size() > 16 || name[0] == '.' || folders_.count(parent) == 0 ||
            folders_.size() > 32 || links_ > 64) {
            return;
        }
        const std::string full = root_ + "/" + path;
        if (kind == 'd' && mkdir(full.c_str(), 0755) == 0) {
            folders_.insert(path);
        } else if (kind == 'f') {
            write_file(full);
        } else if (kind == 'l' && !target.empty() && symlink(target.c_str(), full.c_str()) == 0) {
            ++links_;
        }
    }

  private:
    static void write_file(const std::string& path) {
        const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
        if (fd.valid() && write(fd.get(), path.data(), path.size()) < 0) {
            std::exit(77);
        }
    }

    char base_[64] = {};
    std::string root_;
    std::string outside_;
    std::set<std::string> folders_{""};
    int links_ = 0;
};

struct Identity {
    ErrorCode code{};  // only when it failed
    bool found = false;
    dev_t device = 0;
    ino_t inode = 0;
};

Identity identity(const Result<UniqueFd>& fd) {
    Identity one;
    struct stat st {};
    if (!fd.ok()) {
        one.code = fd.code();
    } else if (fstat(fd->get(), &st) == 0) {
        one.found = true;
        one.device = st.st_dev;
        one.inode = st.st_ino;
    }
    return one;
}

void must_agree(const RootDir& kernel, const RootDir& walk, const std::string& path,
                const std::string& outside) {
    const Identity a = identity(kernel.open_folder(path));
    const Identity b = identity(walk.open_folder(path));
    if (a.found != b.found || a.device != b.device || a.inode != b.inode || a.code != b.code) {
        std::abort();
    }
    const Result<Bytes> ours = walk.read(path, 4096);
    const Result<Bytes> theirs = kernel.read(path, 4096);
    if (ours.ok() != theirs.ok() || (ours.ok() && *ours != *theirs) ||
        (!ours.ok() && ours.code() != theirs.code())) {
        std::abort();
    }
    if (ours.ok() && ByteView(*ours).text() == outside) {
        std::abort();  // the file beside the root
    }
    const Result<Node> node = walk.node(path);
    const Result<Node> other = kernel.node(path);
    if (node.ok() != other.ok() ||
        (node.ok() && (node->kind != other->kind || node->target != other->target))) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kMostInput = 2048;
    const std::string text(reinterpret_cast<const char*>(data),
                           size < kMostInput ? size : kMostInput);
    Ground ground;
    const Result<RootDir> kernel = RootDir::open(ground.root(), RootDir::Walk::Kernel);
    const Result<RootDir> walk = RootDir::open(ground.root(), RootDir::Walk::Descriptors);
    if (!kernel || !walk || kernel->walk() != RootDir::Walk::Kernel) {
        std::puts("skipped: this kernel has no openat2, or no folder can be made");
        std::exit(77);
    }
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line.size() < 3 || line[1] != ' ') {
            continue;
        }
        if (line[0] == 'r') {
            must_agree(*kernel, *walk, line.substr(2), ground.outside());
            continue;
        }
        const std::size_t blank = std::min(line.find(' ', 2), line.size());
        ground.make(line[0], line.substr(2, blank - 2),
                    blank < line.size() ? line.substr(blank + 1) : "");
    }
    return 0;
}
