#include "image_builder/system_files.h"

#include <sstream>

namespace piv {

namespace {

#include "image_builder/packaged_files.inc"

constexpr char kUser[] = "piv-login";

bool in_any(const Tree& tree, const std::string& kind) {
    // Not by /lib, which may lead to /usr/lib: what an earlier run staged there would be the tree's own.
    for (const char* folder : {"/usr/lib/", "/etc/"}) {
        if (tree.exists(folder + kind + ".d/piv-login.conf")) {
            return true;
        }
    }
    return false;
}

// The third field of the user's line in passwd(5); empty without one.
std::string user_id(const Tree& tree) {
    for (const char* path : {"/etc/passwd", "/usr/lib/passwd"}) {
        const Result<std::string> text = tree.read(path);
        std::istringstream lines(text.ok() ? *text : std::string());
        std::string line;
        while (std::getline(lines, line)) {
            std::istringstream fields(line);
            std::string name;
            std::string password;
            std::string id;
            if (std::getline(fields, name, ':') && name == kUser) {
                std::getline(fields, password, ':');
                std::getline(fields, id, ':');
                return id.empty() ? "?" : id;
            }
        }
    }
    return {};
}

bool has_sysusers(const Tree& tree) {
    return tree.exists("/usr/bin/systemd-sysusers") || tree.exists("/bin/systemd-sysusers");
}

}  // namespace

Findings plan_system_files(const Tree& tree, ImageProfile profile, StagePlan& plan) {
    Findings out;
    const bool al2 = profile == ImageProfile::Al2;
    if (!al2 && !in_any(tree, "sysusers")) {
        plan.add_file("/usr/lib/sysusers.d/piv-login.conf", kSysusersText, Phase::Inert,
                      "the user of the helper's part that speaks to the card");
    }
    if (!in_any(tree, "tmpfiles")) {
        plan.add_file("/usr/lib/tmpfiles.d/piv-login.conf", kTmpfilesText, Phase::Inert,
                      "folders of the state, with their owners");
    }
    const std::string id = user_id(tree);
    if (!id.empty()) {
        if (id.find_first_not_of('0') == std::string::npos) {
            out.problems.push_back(
                {"the user piv-login of this tree has the id 0: drivers of cards would run as root",
                 "give it an id of its own: userdel piv-login, then systemd-sysusers or useradd -r",
                 ErrorCode::ImageTree});
        }
        return out;
    }
    // systemd-sysusers runs at a boot only when /etc has not been updated since (ConditionNeedsUpdate).
    if (!al2 && has_sysusers(tree) && !tree.exists("/etc/.updated")) {
        plan.notes.emplace_back(
            "the user piv-login is not in this tree: systemd-sysusers makes it at the first boot");
        return out;
    }
    out.warnings.push_back(
        {"the user piv-login is not in this tree, and no boot makes it: cards cannot be read",
         !al2 && has_sysusers(tree)
             ? "run in the image: systemd-sysusers piv-login.conf"
             : "run in the image: useradd -r -U -M -d /var/lib/piv-login -s /usr/sbin/nologin "
               "piv-login",
         ErrorCode::ImageTree});
    return out;
}

}  // namespace piv
