#include "image_builder/seal.h"

#include <array>
#include <cstdio>

#include "image_builder/apply.h"
#include "image_builder/pam_stack.h"
#include "image_builder/report.h"
#include "image_builder/staged_file.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"

namespace piv {

namespace {

constexpr std::size_t kMaxFindings = 200;
constexpr int kMaxDepth = 6;

// Folders where people leave the files that they build an image from. WorkSpaces' capture wipes the
// first four; other tools do not.
constexpr std::array<const char*, 5> kLeftovers{
    {"/tmp", "/var/tmp", "/root", "/home", "/var/cache"}};

bool looks_like(const std::string& name, std::initializer_list<const char*> endings) {
    for (const char* ending : endings) {
        const std::string e(ending);
        if (name.size() > e.size() && name.compare(name.size() - e.size(), e.size(), e) == 0) {
            return true;
        }
    }
    return false;
}

class Sealer {
  public:
    explicit Sealer(const RootDir& root) : root_(root), tree_(root) {}

    std::vector<Problem> findings() {
        for (const char* folder : kLeftovers) {
            walk(folder, 0);
        }
        host_keys();
        debug_options();
        machine_id();
        return std::move(found_);
    }

  private:
    void found(const std::string& what, const std::string& hint) {
        if (found_.size() < kMaxFindings) {
            found_.push_back({what, hint, ErrorCode::ImageDrift});
        }
    }

    void walk(const std::string& folder, int depth) {
        const Result<std::vector<std::string>> names = root_.list(folder);
        if (!names.ok() || depth > kMaxDepth) {
            return;
        }
        for (const std::string& name : *names) {
            const std::string path = folder + "/" + name;
            const Result<Node> node = root_.node(path);
            if (!node.ok()) {
                continue;
            }
            if (node->kind == NodeKind::Folder) {
                walk(path, depth + 1);
            } else if (node->kind == NodeKind::File) {
                file(path, name);
            }
        }
    }

    void file(const std::string& path, const std::string& name) {
        if (looks_like(name, {".p12", ".pfx", ".key"})) {
            found(path + ": looks like a private key", "remove it from the image");
            return;
        }
        if (!looks_like(name, {".pem", ".cer", ".crt", ".der", ".p7b", ".p7c"})) {
            return;
        }
        const Result<Bytes> content = root_.read(path, kMaxCertificateFile);
        if (!content.ok()) {
            return;
        }
        const Result<ReadCertificates> read = read_certificates(*content, path);
        if (read.ok()) {
            found(path + ": a certificate file left from building the image",
                  "remove it; what counts is under /etc/piv-login/trust");
        } else if (read.code() == ErrorCode::PrivateKeyInFile) {
            found(path + ": holds a private key", "remove it from the image");
        }
    }

    void host_keys() {
        const Result<std::vector<std::string>> names = tree_.list("/etc/ssh");
        if (!names.ok()) {
            return;
        }
        for (const std::string& name : *names) {
            if (name.compare(0, 9, "ssh_host_") == 0 && looks_like(name, {"_key"})) {
                found("/etc/ssh/" + name + ": a host key that every copy of the image would share",
                      "remove /etc/ssh/ssh_host_*; each copy makes its own at first boot");
            }
        }
    }

    void debug_options() {
        for (const char* folder : {"/etc/pam.d"}) {
            const Result<std::vector<std::string>> names = tree_.list(folder);
            if (!names.ok()) {
                continue;
            }
            for (const std::string& name : *names) {
                const std::string path = std::string(folder) + "/" + name;
                const Result<std::string> text = tree_.read(path);
                if (!text.ok()) {
                    continue;
                }
                for (const PamLine& line : parse_pam_file(*text).lines) {
                    for (const std::string& argument : line.arguments) {
                        if (line.module == "pam_piv.so" && argument == "debug") {
                            found(path + ": pam_piv.so has the option debug",
                                  "remove it before the image is used");
                        }
                    }
                }
            }
        }
    }

    void machine_id() {
        const Result<std::string> text = tree_.read("/etc/machine-id");
        if (text.ok() && text->size() >= 32) {
            found("/etc/machine-id: every copy of the image would have the same one",
                  "empty the file; systemd fills it at boot");
        }
    }

    const RootDir& root_;
    DiskTree tree_;
    std::vector<Problem> found_;
};

}  // namespace

int run_seal(const StageCommand& command) {
    Result<RootDir> root = RootDir::open(command.root);
    if (!root) {
        return fail(command.tool, root.error(), command.json);
    }
    Stager stager(*root, command.epoch);
    if (Status s = stager.lock(); !s) {
        return fail(command.tool, s.error(), command.json);
    }
    Result<std::optional<StageManifest>> manifest = stager.manifest();
    if (!manifest) {
        return fail(command.tool, manifest.error(), command.json);
    }
    std::vector<Problem> left = Sealer(*root).findings();
    if (!manifest->has_value()) {
        left.push_back({command.root + ": nothing is staged in this tree",
                        "enable-smartcard --ca-cert root.cer int.cer", ErrorCode::ImageDrift});
    } else {
        Result<std::vector<Difference>> drift = stager.drift(**manifest);
        if (!drift) {
            return fail(command.tool, drift.error(), command.json);
        }
        for (const Difference& d : *drift) {
            left.push_back(
                {d.path + ": " + d.what,
                 "run enable-smartcard again, or --undo; with --force where it was edited",
                 ErrorCode::ImageDrift});
        }
    }
    // Ours, and made again when it is missing.
    const std::string cache = PIV_STATEDIR "/cache";
    const Result<std::vector<std::string>> cached = root->list(cache);
    std::size_t removed = 0;
    if (cached.ok() && !command.dry_run) {
        for (const std::string& name : *cached) {
            if (remove_tree(*root, cache + "/" + name).ok() ||
                remove_file(*root, cache + "/" + name).ok()) {
                ++removed;
            }
        }
    }
    // Who tried to log in on the machine that the image was built on is nobody's business later.
    for (const char* name : {"/attempts", "/attempts.1"}) {
        if (!command.dry_run) {
            (void)remove_file(*root, std::string(PIV_STATEDIR) + name);
        }
    }
    Json document{{"result", left.empty() ? "sealed" : "not-ready"},
                  {"cache_entries_removed", removed},
                  {"findings", Json::array()}};
    for (const Problem& p : left) {
        document["findings"].push_back(problem_json(p));
        print_problem(command.tool, p);
    }
    if (command.json) {
        print_json(document);
    } else if (left.empty()) {
        std::printf("ready for capture; %zu cache entries removed\n", removed);
    }
    return left.empty() ? 0 : static_cast<int>(ExitStatus::No);
}

}  // namespace piv
