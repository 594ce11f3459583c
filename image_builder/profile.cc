#include "image_builder/profile.h"

#include <array>
#include <map>
#include <sstream>

namespace piv {

namespace {

struct Name {
    ImageProfile profile;
    std::string_view text;
};
constexpr std::array<Name, 6> kNames{{{ImageProfile::Al2, "al2"},
                                      {ImageProfile::Al2023, "al2023"},
                                      {ImageProfile::El8, "el8"},
                                      {ImageProfile::El9, "el9"},
                                      {ImageProfile::Ubuntu, "ubuntu"},
                                      {ImageProfile::Debian, "debian"}}};

// os-release(5): KEY=value, value optionally in single or double quotes, backslash escapes.
std::map<std::string, std::string> parse_os_release(const std::string& text) {
    std::map<std::string, std::string> out;
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
        if (!line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        const std::size_t eq = line.find('=');
        if (eq == std::string::npos || line.empty() || line.front() == '#') {
            continue;
        }
        std::string value;
        for (std::size_t i = eq + 1; i < line.size(); ++i) {
            if (line[i] == '\\' && i + 1 < line.size()) {
                value += line[++i];
            } else if (line[i] != '"' && line[i] != '\'') {
                value += line[i];
            }
        }
        out[line.substr(0, eq)] = value;
    }
    return out;
}

bool has_word(const std::string& list, const std::string& word) {
    std::istringstream words(list);
    std::string w;
    while (words >> w) {
        if (w == word) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::string_view to_text(ImageProfile profile) noexcept {
    for (const Name& n : kNames) {
        if (n.profile == profile) {
            return n.text;
        }
    }
    return {};
}

std::optional<ImageProfile> profile_from(std::string_view name) noexcept {
    for (const Name& n : kNames) {
        if (n.text == name) {
            return n.profile;
        }
    }
    return std::nullopt;
}

bool is_debian_like(ImageProfile profile) noexcept {
    return profile == ImageProfile::Ubuntu || profile == ImageProfile::Debian;
}

Result<ImageProfile> detect_profile(const Tree& tree) {
    Result<std::string> text = tree.read("/etc/os-release");
    if (!text && text.code() == ErrorCode::FileNotFound) {
        text = tree.read("/usr/lib/os-release");
    }
    if (!text) {
        return Error(ErrorCode::ImageTree,
                     "no os-release in the tree (" + text.error().detail + "): give --profile");
    }
    std::map<std::string, std::string> os = parse_os_release(*text);
    const std::string id = os["ID"];
    const std::string like = os["ID_LIKE"];
    const std::string version = os["VERSION_ID"];
    const std::string major = version.substr(0, version.find('.'));
    if (id == "amzn") {
        if (major == "2") {
            return ImageProfile::Al2;
        }
        if (major == "2023") {
            return ImageProfile::Al2023;
        }
    }
    if (id == "ubuntu" || has_word(like, "ubuntu")) {
        return ImageProfile::Ubuntu;
    }
    if (id == "debian" || has_word(like, "debian")) {
        return ImageProfile::Debian;
    }
    if (id == "rhel" || has_word(like, "rhel")) {
        if (major == "8") {
            return ImageProfile::El8;
        }
        if (major == "9" || major == "10") {
            return ImageProfile::El9;
        }
    }
    return Error(ErrorCode::ImageTree, "os-release says ID=" + id + " VERSION_ID=" + version +
                                           ", which no profile is for: give --profile");
}

std::string pam_module_folder(const Tree& tree) {
    for (const char* folder :
         {"/usr/lib64/security", "/lib64/security", "/usr/lib/x86_64-linux-gnu/security",
          "/lib/x86_64-linux-gnu/security", "/usr/lib/aarch64-linux-gnu/security",
          "/lib/aarch64-linux-gnu/security", "/usr/lib/security", "/lib/security"}) {
        if (tree.exists(std::string(folder) + "/pam_unix.so")) {
            return folder;
        }
    }
    return {};
}

}  // namespace piv
