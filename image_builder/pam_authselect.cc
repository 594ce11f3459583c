// authselect's hook: a custom profile made from the one that is selected, and what authselect would
// generate from it. authselect itself has no offline root and is not run.
#include <sstream>

#include "image_builder/authselect_template.h"
#include "image_builder/pam_hooks.h"

namespace piv {

namespace {

constexpr char kConf[] = "/etc/authselect/authselect.conf";
constexpr char kCustom[] = "/etc/authselect/custom/piv-login";
constexpr char kFeature[] = "with-piv-login";
constexpr char kFeatureRequired[] = "with-piv-login-required";
constexpr char kFeatureSession[] = "with-piv-login-session";

struct Selected {
    std::string profile;
    std::vector<std::string> features;
};

Result<Selected> selected_profile(const Tree& tree) {
    Result<std::string> text = tree.read(kConf);
    if (!text) {
        return std::move(text).error();
    }
    Selected out;
    std::istringstream lines(*text);
    std::string line;
    while (std::getline(lines, line)) {
        line.erase(line.find_last_not_of(" \t\r") + 1);
        if (line.empty()) {
            continue;
        }
        if (out.profile.empty()) {
            out.profile = line;
        } else {
            out.features.push_back(line);
        }
    }
    if (out.profile.empty() || out.profile.find("..") != std::string::npos) {
        return Error(ErrorCode::ImageTree, std::string(kConf) + ": names no profile");
    }
    return out;
}

// A vendor profile overrides a default one of the same name; custom ones are named custom/NAME.
Result<std::string> profile_folder(const Tree& tree, const std::string& profile) {
    if (profile.compare(0, 7, "custom/") == 0) {
        return "/etc/authselect/" + profile;
    }
    for (const char* folder : {"/usr/share/authselect/vendor/", "/usr/share/authselect/default/"}) {
        if (tree.exists(folder + profile + "/README")) {
            return folder + profile;
        }
    }
    return Error(ErrorCode::ImageTree,
                 "the selected authselect profile " + profile + " is not in the tree");
}

bool is_pam_template(const std::string& name) {
    return name == "system-auth" || name == "password-auth" || name == "smartcard-auth";
}

// Our lines after the template's pam_env line when that is the first rule, else at the top.
std::string with_card(const std::string& name, const std::string& text,
                      const PamHookSettings& settings) {
    const std::string pad = "                                     ";
    const bool card_only = name == "smartcard-auth";
    std::string ours;
    if (name == "system-auth" && settings.break_glass) {
        ours +=
            "auth        [success=1 default=ignore]                   pam_succeed_if.so uid eq 0 "
            "quiet {include if \"" +
            std::string(kFeatureRequired) + "\"}\n";
    }
    ours += "auth        " + piv_control(true, "done") + " pam_piv.so {include if \"" +
            kFeatureRequired + "\"}\n";
    ours += "auth        " + piv_control(card_only, "done") + " pam_piv.so {include if \"" +
            kFeature + "\" and not \"" + kFeatureRequired + "\"}\n";
    std::string out;
    bool done = false;
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
        const PamFile parsed = parse_pam_file(line);
        const bool rule = !parsed.lines.empty() && parsed.lines[0].kind == PamLine::Kind::Rule &&
                          parsed.lines[0].type == PamType::Auth;
        const bool env =
            rule && parsed.lines[0].module == "pam_env.so" && line.find('{') == std::string::npos;
        if (rule && !done) {
            if (env) {
                out += line + "\n" + ours;
            } else {
                out += "auth        required" + pad + "pam_env.so\n" + ours + line + "\n";
            }
            done = true;
            continue;
        }
        out += line + "\n";
    }
    if (settings.watch_session) {
        // Behind the profile's own session lines, so behind pam_systemd.
        out += "session     optional" + pad + "pam_piv.so {include if \"" +
               std::string(kFeatureSession) + "\"}\n";
    }
    return out;
}

// What the base profile makes of card login for SSSD's sake, it makes for ours too: the card greeter's
// stack and GNOME's switch for it. Its own feature stays off, or SSSD would ask for the card as well.
std::string with_our_feature(std::string text) {
    const std::string theirs = "\"with-smartcard\"";
    const std::string both = "(\"with-smartcard\" or \"" + std::string(kFeature) + "\")";
    for (std::size_t at = text.find(theirs); at != std::string::npos;
         at = text.find(theirs, at + both.size())) {
        text.replace(at, theirs.size(), both);
    }
    return text;
}

// The comment lines at the top of what authselect generated: kept, as `authselect check` ignores
// comments and a date of ours would make images differ.
std::string preamble_of(const Tree& tree, const std::string& path) {
    const Result<std::string> text = tree.read(path);
    std::string out;
    if (text.ok()) {
        std::istringstream lines(*text);
        std::string line;
        while (std::getline(lines, line) && (line.empty() || line.front() == '#')) {
            out += line + "\n";
            if (line.empty()) {
                break;
            }
        }
    }
    if (out.find("authselect") == std::string::npos) {
        out = "# Generated by authselect\n# Do not modify this file manually.\n\n";
    }
    return out;
}

// Whether /etc/pam.d/NAME (or /etc/nsswitch.conf) really leads to what authselect generates.
bool leads_there(const Tree& tree, const std::string& link, const std::string& generated) {
    const Result<std::string> at = tree.follow(link);
    return at.ok() && *at == generated;
}

Status plan_generated(const Tree& tree, const std::string& name, const std::string& text,
                      const std::set<std::string>& features, StagePlan& plan) {
    const std::string generated = "/etc/authselect/" + name;
    const Result<Node> node = tree.node(generated);
    if (!node.ok() || node->kind != NodeKind::File) {
        return {};  // authselect made none from the base profile
    }
    std::string rendered;
    if (name == "nsswitch.conf") {
        // What it generated may carry the maps of user-nsswitch.conf: its lines are kept.
        Result<std::string> now = tree.read(generated);
        if (!now) {
            return std::move(now).error();
        }
        plan.add_file(generated, add_to_nsswitch(*now), Phase::Switch,
                      "as authselect makes it from the profile");
        return {};
    }
    Result<std::string> body = render_authselect(text, features);
    if (!body) {
        return Error(body.code(), generated + ": " + body.error().detail);
    }
    plan.add_file(generated, preamble_of(tree, generated) + *body, Phase::Switch,
                  "as authselect makes it from the profile");
    return {};
}

}  // namespace

Status plan_authselect(const Tree& tree, const PamHookSettings& settings, StagePlan& plan) {
    if (!tree.exists(kConf) ||
        !leads_there(tree, "/etc/pam.d/system-auth", "/etc/authselect/system-auth")) {
        return plan_authconfig(tree, settings, plan);  // authselect manages nothing here
    }
    Result<Selected> base = selected_profile(tree);
    if (!base) {
        return std::move(base).error();
    }
    if (base->profile == "custom/piv-login") {
        return Error(ErrorCode::ImageTree,
                     "the authselect profile custom/piv-login is selected but was not staged here: "
                     "select the base profile first");
    }
    Result<std::string> folder = profile_folder(tree, base->profile);
    if (!folder) {
        return std::move(folder).error();
    }
    Result<std::vector<std::string>> names = tree.list(*folder);
    if (!names) {
        return std::move(names).error();
    }
    std::vector<std::string> chosen = base->features;
    chosen.emplace_back(kFeature);
    if (settings.required) {
        chosen.emplace_back(kFeatureRequired);
    }
    if (settings.watch_session) {
        chosen.emplace_back(kFeatureSession);
    }
    std::set<std::string> features(chosen.begin(), chosen.end());
    std::vector<std::pair<std::string, std::string>> files;
    for (const std::string& name : *names) {
        Result<std::string> text = tree.read(*folder + "/" + name);
        if (!text) {
            return std::move(text).error();
        }
        if (is_pam_template(name)) {
            text = with_card(name, name == "smartcard-auth" ? with_our_feature(*text) : *text,
                             settings);
        } else if (name == "dconf-db" || name == "dconf-locks") {
            text = with_our_feature(*text);
        } else if (name == "nsswitch.conf") {
            text = add_to_nsswitch(*text);
        } else if (name == "README") {
            text = "Smart card login (piv-login), from profile " + base->profile + "\n\n" + *text +
                   "\nwith-piv-login::\n    Ask the smart card first.\n\n" +
                   "with-piv-login-required::\n    Only the smart card logs in.\n" +
                   (settings.watch_session
                        ? "\nwith-piv-login-session::\n    Notice that the card is removed.\n"
                        : "");
        }
        const std::set<std::string> implied = implied_features(*text, features);
        features.insert(implied.begin(), implied.end());
        files.emplace_back(name, std::move(*text));
    }
    std::string conf = "custom/piv-login\n";
    for (const std::string& feature : chosen) {
        conf += feature + "\n";
    }
    plan.add_file(kConf, conf, Phase::Switch, "authselect's record of what is selected");
    for (const auto& [name, text] : files) {
        plan.add_file(std::string(kCustom) + "/" + name, text, Phase::Inert,
                      "authselect profile made from " + base->profile);
        const bool template_file = name != "README" && name != "REQUIREMENTS";
        if (template_file) {
            if (Status s = plan_generated(tree, name, text, features, plan); !s) {
                return s;
            }
        }
    }
    return {};
}

}  // namespace piv
