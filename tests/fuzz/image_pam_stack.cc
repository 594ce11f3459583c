// Stacks of PAM rules: the prover against libpam itself, which runs them with modules whose answers are
// known. An input that starts with an octet below 32 is a recipe for a stack with includes, substacks
// and jumps; any other is the text of a service file. What names other modules is only walked through.
#include <fcntl.h>
#include <ftw.h>
#include <security/pam_appl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "image_builder/pam_stack.h"
#include "pki/base/fd.h"

using namespace piv;

// libpam says what it thinks of such stacks; the system's log need not hear it.
extern "C" void vsyslog(int /*priority*/, const char* /*format*/, va_list /*values*/) {}
extern "C" void __vsyslog_chk(int /*priority*/, int /*flag*/, const char* /*format*/,
                              va_list /*values*/) {}

namespace {

class NoTree : public Tree {
  public:
    [[nodiscard]] Result<Node> node(const std::string& /*path*/) const override { return Node{}; }
    [[nodiscard]] Result<Bytes> read_plain(const std::string& path) const override {
        return Error(ErrorCode::FileNotFound, path);
    }
    [[nodiscard]] Result<std::vector<std::string>> list(
        const std::string& /*path*/) const override {
        return std::vector<std::string>{};
    }
};

using Files = std::map<std::string, std::string>;

class Recipe {
  public:
    Recipe(const std::uint8_t* data, std::size_t size, std::string folder)
        : data_(data), size_(size), folder_(std::move(folder)) {}

    // "svc" may include "a" and "b", "a" may include "b"; by whole paths, as libpam 1.5 looks for other
    // names in its own folder, whatever it was started with.
    Files files() {
        Files out;
        const std::array<const char*, 3> names{{"svc", "a", "b"}};
        for (std::size_t i = 0; i < names.size(); ++i) {
            const unsigned lines = 1 + next() % 7;
            for (unsigned n = 0; n < lines; ++n) {
                out[names[i]] += line(names.data() + i + 1, names.size() - i - 1) + "\n";
            }
        }
        return out;
    }

  private:
    unsigned next() { return at_ < size_ ? data_[at_++] : 0; }
    template <std::size_t N>
    std::string one_of(const std::array<const char*, N>& words) {
        return words[next() % N];
    }

    std::string line(const char* const* below, std::size_t count) {
        const unsigned kind = next() % 12;
        if (count > 0 && kind < 5) {
            const std::string file = folder_ + "/" + below[next() % count];
            const std::array<const char*, 5> how{{"auth include ", "auth substack ",
                                                  "auth substack ", "@include ", "-auth include "}};
            return how[kind] + file;
        }
        return (kind == 5   ? "account "
                : kind == 6 ? "-auth "
                            : "auth ") +
               control() + " pam_debug.so auth=" + value();
    }
    std::string value() {
        return one_of(
            std::array<const char*, 7>{{"success", "auth_err", "ignore", "authinfo_unavail",
                                        "new_authtok_reqd", "perm_denied", "nonsense"}});
    }
    std::string control() {
        const unsigned kind = next() % 8;
        if (kind < 4) {
            return std::array<const char*, 4>{
                {"required", "requisite", "sufficient", "optional"}}[kind];
        }
        std::string out = "[";
        for (unsigned n = 1 + next() % 4; n > 0; --n) {
            out += next() % 3 == 0 ? "default" : value();
            out += "=";
            out += one_of(std::array<const char*, 11>{
                       {"ignore", "ok", "done", "bad", "die", "reset", "1", "2", "3", "0", "7"}}) +
                   " ";
        }
        out.back() = ']';
        return out;
    }

    const std::uint8_t* data_;
    std::size_t size_;
    std::string folder_;
    std::size_t at_ = 0;
};

int remove_one(const char* path, const struct stat* /*st*/, int /*type*/, FTW* /*where*/) {
    return remove(path);
}

class ConfigFolder {
  public:
    ConfigFolder() {
        std::snprintf(path_, sizeof path_, "%s/piv-fuzz.XXXXXX",
                      access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        if (mkdtemp(path_) == nullptr) {
            std::perror(path_);
            std::exit(77);
        }
    }
    ~ConfigFolder() { (void)nftw(path_, remove_one, 4, FTW_DEPTH | FTW_PHYS); }
    ConfigFolder(const ConfigFolder&) = delete;
    ConfigFolder& operator=(const ConfigFolder&) = delete;

    void write_all(const Files& files) {
        for (const auto& [name, text] : files) {
            const std::string path = std::string(path_) + "/" + name;
            const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
            if (!fd.valid() ||
                write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
                std::exit(77);
            }
        }
    }
    [[nodiscard]] const char* path() const { return path_; }

  private:
    char path_[64] = {};
};

// pam_debug tells its return value as a message of no answer.
int converse(int count, const pam_message** /*messages*/, pam_response** answers, void* /*data*/) {
    *answers = static_cast<pam_response*>(
        std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
    return *answers == nullptr ? PAM_BUF_ERR : PAM_SUCCESS;
}

ConfigFolder& the_folder() {
    static ConfigFolder folder;
    return folder;
}

bool libpam_grants(const Files& files) {
    ConfigFolder& folder = the_folder();
    folder.write_all(files);
    const pam_conv conversation{converse, nullptr};
    pam_handle_t* handle = nullptr;
    const int started = pam_start_confdir("svc", "alice", &conversation, folder.path(), &handle);
    const int status = started == PAM_SUCCESS ? pam_authenticate(handle, 0) : started;
    if (handle != nullptr) {
        (void)pam_end(handle, status);
    }
    return status == PAM_SUCCESS;
}

// Modules that are loaded here have no effects, and nothing else may be read as a module by libpam even
// if we read the text otherwise.
bool harmless(const std::string& text) {
    for (std::size_t at = text.find(".so"); at != std::string::npos;
         at = text.find(".so", at + 3)) {
        static const std::array<const char*, 3> known{{"pam_debug", "pam_permit", "pam_deny"}};
        bool one = false;
        for (const std::string name : known) {
            one = one ||
                  (at > name.size() && text.compare(at - name.size(), name.size(), name) == 0 &&
                   (text[at - name.size() - 1] == ' ' || text[at - name.size() - 1] == '\t'));
        }
        if (!one) {
            return false;
        }
    }
    return text.find('/') == std::string::npos && text.find("include") == std::string::npos &&
           text.find("substack") == std::string::npos && text.find('\0') == std::string::npos;
}

bool all_known(const PamStack& stack) {
    for (const PamRule& rule : stack.rules) {
        const std::string& module = rule.line.module;
        if (!rule.opens_substack && !rule.must_fail && module != "pam_debug.so" &&
            module != "pam_permit.so" && module != "pam_deny.so") {
            return false;
        }
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kMostInput = 4096;
    size = size < kMostInput ? size : kMostInput;
    const bool recipe = size > 0 && data[0] < 32;
    Files files;
    if (recipe) {
        files = Recipe(data + 1, size - 1, the_folder().path()).files();
    } else {
        files["svc"] = std::string(reinterpret_cast<const char*>(data), size);
    }
    const NoTree nothing;
    OverlayTree tree(nothing);
    for (const auto& [name, text] : files) {
        tree.put_file("/etc/pam.d/" + name, ByteView(text).copy(), 0644);
        tree.put_file(the_folder().path() + ("/" + name), ByteView(text).copy(), 0644);
    }
    const Result<PamStack> stack = load_pam_stack(tree, "svc", PamType::Auth);
    if (!stack.ok()) {
        std::abort();
    }
    const PamVerdict verdict =
        run_pam_stack(*stack, {"svc", "alice", 1000, true, true, "ignore", true});
    if (!verdict.can_be_granted && !verdict.can_be_refused) {
        std::abort();
    }
    // A text that is not understood is named as a problem, and no tree with one is staged into.
    if ((!recipe && (!harmless(files["svc"]) || !stack->problems.empty())) || !all_known(*stack)) {
        return 0;
    }
    const bool real = libpam_grants(files);
    if (real ? !verdict.surely_granted() : !verdict.surely_refused()) {
        for (const auto& [name, text] : files) {
            std::fprintf(stderr, "--- %s\n%s", name.c_str(), text.c_str());
        }
        std::fprintf(stderr, "--- libpam %s, we say granted %d, refused %d\n",
                     real ? "grants" : "refuses", verdict.can_be_granted, verdict.can_be_refused);
        std::abort();
    }
    return 0;
}
