// What pam-auth-update(8) of Debian's libpam-runtime makes of the profiles in pam-configs, without
// running it: it knows no offline root that works everywhere, and debconf is not ours to touch.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "image_builder/pam_hooks.h"

namespace piv {

namespace {

constexpr char kConfigs[] = "/usr/share/pam-configs";
constexpr char kProfile[] = "piv-login";
constexpr char kSessionProfile[] = "piv-login-session";
// Below 0, which is pam_systemd's: the session has its id when this line runs.
constexpr char kSessionProfileText[] =
    "Name: Notice that the smart card is removed (piv-login)\n"
    "Default: yes\n"
    "Priority: -1\n"
    "Session-Interactive-Only: yes\n"
    "Session-Type: Additional\n"
    "Session:\n"
    "\toptional\tpam_piv.so\n";
constexpr std::array<const char*, 5> kTypes{
    {"auth", "account", "password", "session", "session-noninteractive"}};
constexpr char kPrimary[] = "# here are the per-package modules (the \"Primary\" block)";
constexpr char kFallback[] = "# here's the fallback if no module succeeds";
constexpr char kAdditional[] = "# and here are more per-package modules (the \"Additional\" block)";
constexpr char kEnd[] = "# end of pam-auth-update config";

using Profile = std::map<std::string, std::string>;

bool starts(const std::string& text, const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

std::string trim(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    std::string line;
    while (std::getline(in, line)) {
        out.push_back(line);
    }
    return out;
}

// "Field: value" starts a field; every other line belongs to the last one.
Profile parse_profile(const std::string& text) {
    Profile profile;
    std::string field;
    for (const std::string& line : lines_of(text)) {
        const std::size_t colon = line.find(':');
        const bool heads = colon != std::string::npos && colon > 0 && colon + 1 < line.size() &&
                           (line[colon + 1] == ' ' || line[colon + 1] == '\t') &&
                           line.find_first_of(" \t") > colon;
        const bool bare = colon != std::string::npos && colon > 0 && colon + 1 == line.size() &&
                          line.find_first_of(" \t") == std::string::npos;
        if (heads || bare) {
            field = line.substr(0, colon);
            if (field.size() > 6 && field.compare(field.size() - 6, 6, "-Final") == 0) {
                field.erase(field.size() - 6);
            }
            profile[field] = trim(line.substr(colon + 1));
            continue;
        }
        const std::string value = trim(line);
        if (!value.empty()) {
            std::string& have = profile[field];
            have += (have.empty() ? "" : "\n") + value;
        }
    }
    if (profile.count("Session-Interactive-Only") == 0) {
        for (const char* suffix : {"-Type", "", "-Initial"}) {
            const auto it = profile.find(std::string("Session") + suffix);
            if (it != profile.end()) {
                profile[std::string("Session-noninteractive") + suffix] = it->second;
            }
        }
    }
    return profile;
}

std::string value_of(const Profile& profile, const std::string& field) {
    const auto it = profile.find(field);
    return it == profile.end() ? std::string() : it->second;
}

int priority_of(const Profile& profile) {
    // As pam-auth-update does: what is no number counts as 0.
    return static_cast<int>(std::strtol(value_of(profile, "Priority").c_str(), nullptr, 10));
}

std::string capital(std::string type) {
    type[0] = static_cast<char>(type[0] - 'a' + 'A');
    return type;
}

std::string base_type(const std::string& type) {
    return type == "session-noninteractive" ? "session" : type;
}

// A line's control and module (the key that pam-auth-update compares by) and its options.
struct ModuleLine {
    std::string head;
    std::vector<std::string> options;
};
ModuleLine split_line(const std::string& line) {
    static const std::regex form(R"(^((\[[^\]]+\]|\w+)\s+\S+)\s*(.*))");
    std::smatch m;
    ModuleLine out;
    if (std::regex_search(line, m, form)) {
        out.head = m[1];
        std::istringstream words(m[3].str());
        std::string word;
        while (words >> word) {
            out.options.push_back(word);
        }
    }
    return out;
}

// Jump targets differ from stack to stack: both sides are compared without them.
std::string without_jump(const std::string& text) {
    static const std::regex number(R"((\[[^0-9]*)[0-9]+(.*\]))");
    return std::regex_replace(text, number, "$1$2", std::regex_constants::format_first_only);
}
std::string without_end(const std::string& text) {
    static const std::regex end(R"((\[.*)end(.*\]))");
    return std::regex_replace(text, end, "$1$2", std::regex_constants::format_first_only);
}

using Options = std::map<std::string, std::set<std::string>>;  // by head without jump
struct LocalEdits {
    Options added;
    Options removed;
};

class Renderer {
  public:
    explicit Renderer(const Tree& tree) : tree_(tree) {}

    // Error ImageTree: the files are not as the tool left them.
    Status load() {
        Result<std::vector<std::string>> names = tree_.list(kConfigs);
        if (!names) {
            return std::move(names).error();
        }
        for (const std::string& name : *names) {
            if (name.back() == '~' || (name.front() == '#' && name.back() == '#')) {
                continue;
            }
            Result<std::string> text = tree_.read(std::string(kConfigs) + "/" + name);
            if (!text) {
                return std::move(text).error();
            }
            if (text->find("pam_tally") == std::string::npos) {
                profiles_[name] = parse_profile(*text);
            }
        }
        for (const char* type : kTypes) {
            if (Status s = load_type(type); !s) {
                return s;
            }
        }
        return {};
    }

    void add(const std::string& name, const std::string& text) {
        profiles_[name] = parse_profile(text);
        enabled_.push_back(name);
    }

    void settle() {
        std::vector<std::string> kept;
        for (const std::string& name : enabled_) {
            if (profiles_.count(name) != 0 &&
                std::find(kept.begin(), kept.end(), name) == kept.end()) {
                kept.push_back(name);
            }
        }
        enabled_ = by_priority(kept);
    }

    [[nodiscard]] std::string common(const std::string& type) const {
        std::string out;
        int state = 0;
        for (const std::string& line : lines_of(files_.at(type))) {
            if (state == 1 || state == 3) {
                if (!starts(line, state == 1 ? kFallback : kEnd)) {
                    continue;
                }
                ++state;
                out += line + "\n";
                continue;
            }
            out += line + "\n";
            if (state == 0 && starts(line, kPrimary)) {
                out += block(type, "Primary");
                state = 1;
            } else if (state == 2 && starts(line, kAdditional)) {
                out += block(type, "Additional");
                state = 3;
            }
        }
        return out;
    }

    [[nodiscard]] std::string saved(const std::string& type) const {
        std::string out;
        int position = 0;
        for (const char* kind : {"Primary", "Additional"}) {
            position = 0;
            for (const std::string& name : of_kind(type, kind)) {
                const std::string text = module_lines(name, type, position++);
                if (!text.empty()) {
                    out += "Module: " + name + "\n" + text + "\n";
                }
            }
            if (kind == std::string("Primary") && position == 0) {
                out += "Module: null\n[default=1]\t\t\tpam_permit.so\n";
            }
        }
        return out;
    }

    [[nodiscard]] std::string seen() const {
        std::vector<std::string> names;
        for (const auto& [name, profile] : profiles_) {
            names.push_back(name);
        }
        std::string out;
        for (const std::string& name : by_priority(names)) {
            out += name + "\n";
        }
        return out;
    }

  private:
    std::vector<std::string> by_priority(std::vector<std::string> names) const {
        std::sort(names.begin(), names.end(), [this](const std::string& a, const std::string& b) {
            const int pa = priority_of(profiles_.at(a));
            const int pb = priority_of(profiles_.at(b));
            return pa != pb ? pa > pb : a > b;
        });
        return names;
    }

    std::vector<std::string> of_kind(const std::string& type, const std::string& kind) const {
        std::vector<std::string> out;
        for (const std::string& name : enabled_) {
            if (value_of(profiles_.at(name), capital(type) + "-Type") == kind) {
                out.push_back(name);
            }
        }
        return out;
    }

    std::string module_lines(const std::string& name, const std::string& type, int position) const {
        const Profile& profile = profiles_.at(name);
        const std::string initial = value_of(profile, capital(type) + "-Initial");
        return position == 0 && !initial.empty() ? initial : value_of(profile, capital(type));
    }

    std::string block(const std::string& type, const std::string& kind) const {
        const std::vector<std::string> names = of_kind(type, kind);
        int count = 0;
        int position = 0;
        for (const std::string& name : names) {
            count += static_cast<int>(lines_of(module_lines(name, type, position++)).size());
        }
        if (kind == "Additional") {
            --count;
        }
        std::string out;
        if (kind == "Primary" && count == 0) {
            out += base_type(type) + "\t[default=1]\t\t\tpam_permit.so\n";
        }
        position = 0;
        for (const std::string& name : names) {
            for (const std::string& line : lines_of(module_lines(name, type, position++))) {
                out += base_type(type) + "\t" + merged(type, line, count--) + "\n";
            }
        }
        return out;
    }

    // The line with its jump filled in and with the administrator's own options kept.
    std::string merged(const std::string& type, const std::string& line, int count) const {
        ModuleLine parts = split_line(line);
        std::string head;
        for (std::size_t at = 0; at < parts.head.size();) {
            if (parts.head.compare(at, 3, "end") == 0) {
                head += std::to_string(count);
                at += 3;
            } else {
                head += parts.head[at++];
            }
        }
        const std::string key = without_jump(head);
        std::set<std::string> added;
        std::set<std::string> removed;
        const auto edits = edits_.find(type);
        if (edits != edits_.end()) {
            const auto a = edits->second.added.find(key);
            const auto r = edits->second.removed.find(key);
            added = a == edits->second.added.end() ? added : a->second;
            removed = r == edits->second.removed.end() ? removed : r->second;
        }
        std::string out = head + " ";
        std::vector<std::string> options;
        for (const std::string& option : parts.options) {
            added.erase(option);
            if (removed.count(option) == 0) {
                options.push_back(option);
            }
        }
        options.insert(options.end(), added.begin(), added.end());
        for (std::size_t i = 0; i < options.size(); ++i) {
            out += (i == 0 ? "" : " ") + options[i];
        }
        return out;
    }

    Status modified(const std::string& type, const std::string& why) {
        return Error(ErrorCode::ImageTree, "/etc/pam.d/common-" + type + ": " + why);
    }

    // Finds what is enabled, and the local edits of options, by comparing the file with what the tool
    // wrote down when it made it.
    Status load_type(const std::string& type) {
        Result<std::string> file = tree_.read("/etc/pam.d/common-" + type);
        Result<std::string> record = tree_.read("/var/lib/pam/" + type);
        if (!file || !record) {
            return modified(type, "is not managed by pam-auth-update");
        }
        std::vector<std::pair<std::string, std::string>> saved_lines;
        std::string module;
        for (const std::string& line : lines_of(*record)) {
            if (starts(line, "Module: ")) {
                module = line.substr(8);
            } else {
                saved_lines.emplace_back(module, without_end(without_jump(line)));
            }
        }
        int state = 0;
        std::size_t next = 0;
        for (const std::string& line : lines_of(*file)) {
            if (state == 0 || state == 2) {
                state += starts(line, state == 0 ? kPrimary : kAdditional) ? 1 : 0;
                continue;
            }
            if (starts(line, state == 1 ? kFallback : kEnd)) {
                if (++state == 4) {
                    break;
                }
                continue;
            }
            if (!match(type, line, saved_lines, next)) {
                return modified(type, "has a line of its own in the managed block: " + line);
            }
        }
        if (state < 3) {
            return modified(type, "lacks the marks of pam-auth-update");
        }
        files_[type] = from_template(type, *file);
        return {};
    }

    bool match(const std::string& type, const std::string& line,
               const std::vector<std::pair<std::string, std::string>>& saved_lines,
               std::size_t& next) {
        std::string bare = line;
        const std::string base = base_type(type);
        if (starts(bare, base)) {
            bare = bare.substr(std::min(bare.find_first_not_of(" \t", base.size()), bare.size()));
        }
        bare = without_jump(bare);
        while (next < saved_lines.size()) {
            const auto& [module, text] = saved_lines[next++];
            const ModuleLine known = split_line(text);
            if (!starts(bare, known.head)) {
                continue;
            }
            enabled_.push_back(module);
            std::istringstream words(bare.substr(known.head.size()));
            std::set<std::string> have;
            std::string word;
            while (words >> word) {
                have.insert(word);
                if (std::find(known.options.begin(), known.options.end(), word) ==
                    known.options.end()) {
                    edits_[type].added[known.head].insert(word);
                }
            }
            for (const std::string& option : known.options) {
                if (have.count(option) == 0) {
                    edits_[type].removed[known.head].insert(option);
                }
            }
            return true;
        }
        return false;
    }

    // The text around the blocks: the tool takes its stock text when the file's is an old stock text.
    // Only the file's own is kept here: it is what the image has, and the blocks are the same.
    static std::string from_template(const std::string&, const std::string& file) { return file; }

    const Tree& tree_;
    std::map<std::string, Profile> profiles_;
    std::map<std::string, std::string> files_;
    std::map<std::string, LocalEdits> edits_;
    std::vector<std::string> enabled_;
};

std::string profile_text(const PamHookSettings& settings) {
    std::string auth;
    if (settings.required && settings.break_glass) {
        auth += "\t[success=1 default=ignore]\tpam_succeed_if.so uid eq 0 quiet\n";
    }
    auth += "\t" + piv_control(settings.required, "end") + "\tpam_piv.so\n";
    return "Name: Smart card login (piv-login)\n"
           "Default: yes\n"
           "Priority: 1000\n"
           "Auth-Type: Primary\n"
           "Auth:\n" +
           auth + "Auth-Initial:\n" + auth;
}

Status plan_marked(const Tree& tree, const PamHookSettings& settings, const std::string& why,
                   StagePlan& plan) {
    const std::string path = "/etc/pam.d/common-auth";
    Result<std::string> text = tree.read(path);
    if (!text) {
        return Error(ErrorCode::ImageTree,
                     path + " is not there: is this the root of an image with PAM installed?");
    }
    std::vector<std::string> lines;
    if (settings.required && settings.break_glass) {
        lines.emplace_back("auth\t[success=1 default=ignore]\tpam_succeed_if.so uid eq 0 quiet");
    }
    lines.push_back("auth\t" + piv_control(settings.required, "done") + "\tpam_piv.so");
    plan.add_file(path, add_marked_section(*text, lines), Phase::Switch,
                  "a marked section, as pam-auth-update does not manage this file");
    const std::string session = "/etc/pam.d/common-session";
    if (settings.watch_session) {
        Result<std::string> old = tree.read(session);
        if (!old) {
            return std::move(old).error();
        }
        plan.add_file(session, add_marked_session(*old), Phase::Switch,
                      "a marked section: the removal of the card is noticed");
    }
    plan.notes.push_back(why + ": a marked section was used in place of a pam-auth-update profile");
    return {};
}

}  // namespace

Status plan_pam_auth_update(const Tree& tree, const PamHookSettings& settings, StagePlan& plan) {
    Renderer renderer(tree);
    if (Status s = renderer.load(); !s) {
        return plan_marked(tree, settings, s.error().detail, plan);
    }
    const std::string profile = profile_text(settings);
    renderer.add(kProfile, profile);
    if (settings.watch_session) {
        renderer.add(kSessionProfile, kSessionProfileText);
        plan.add_file(std::string(kConfigs) + "/" + kSessionProfile, kSessionProfileText,
                      Phase::Inert, "pam-auth-update's profile of the session line");
    }
    renderer.settle();
    plan.add_file(std::string(kConfigs) + "/" + kProfile, profile, Phase::Inert,
                  "pam-auth-update's profile of the card");
    for (const char* type : kTypes) {
        plan.add_file(std::string("/etc/pam.d/common-") + type, renderer.common(type),
                      Phase::Switch, "as pam-auth-update makes it with the profile enabled");
        plan.add_file(std::string("/var/lib/pam/") + type, renderer.saved(type), Phase::Inert,
                      "pam-auth-update's own record of what it made");
    }
    plan.add_file("/var/lib/pam/seen", renderer.seen(), Phase::Inert,
                  "pam-auth-update's list of profiles it knows");
    return {};
}

}  // namespace piv
