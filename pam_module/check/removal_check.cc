#include "pam_module/check/removal_check.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "pam_module/check/pam_files.h"

namespace piv {

namespace {

using Kind = RemovalFinding::Kind;

// Services by what is with their session stack.
struct Services {
    std::string watched;
    std::string without_line;      // pam_systemd makes a session of logind, and nobody watches it
    std::string without_logind;    // our line, and no pam_systemd
    std::string before_logind;     // our line stands before pam_systemd
    std::string line_for_nothing;  // our line, and session.on_card_removal = ignore
    bool set = false;              // the setting asks for a watch, in one of them
};

void add(std::string& list, const std::string& name) {
    list += (list.empty() ? "" : ", ") + name;
}

// Ignore where the settings cannot be read, which the doctor has said already.
OnCardRemoval action_for(const CheckOptions& options, const std::string& service) {
    const Result<Settings> settings = load_settings(
        options.config.empty() ? kDefaultConfigFile : options.config, service,
        options.root.empty() ? ConfigTrust::RootOwned : ConfigTrust::Anyone, options.root);
    const Result<LoginPolicy> policy =
        settings ? login_policy(*settings, options.root) : Result<LoginPolicy>(settings.error());
    return policy ? policy->on_card_removal : OnCardRemoval::Ignore;
}

void sort_in(const CheckOptions& options, const std::string& name, Services& services) {
    const std::vector<std::string> modules = modules_of(options.root, name, "session");
    const auto at = [&modules](const char* module) {
        return std::find(modules.begin(), modules.end(), module);
    };
    const auto logind = std::min(at("pam_systemd.so"), at("pam_elogind.so"));
    const bool has_logind = logind != modules.end();
    const bool has_line = at("pam_piv.so") != modules.end();
    if (!has_line && !has_logind) {
        return;  // opens no session that could be locked
    }
    const bool set = action_for(options, name) != OnCardRemoval::Ignore;
    services.set = services.set || set;
    if (!set) {
        add(has_line ? services.line_for_nothing : services.without_line, name);
    } else if (!has_line) {
        add(services.without_line, name);
    } else if (!has_logind) {
        add(services.without_logind, name);
    } else if (std::find(logind, modules.end(), "pam_piv.so") == modules.end()) {
        add(services.before_logind, name);
    } else {
        add(services.watched, name);
    }
}

Services look(const CheckOptions& options, const LoginPolicy& policy) {
    Services services;
    for (const std::string& name : pam_service_files(options.root)) {
        const std::vector<std::string> auth = modules_of(options.root, name, "auth");
        if (std::find(auth.begin(), auth.end(), "pam_piv.so") != auth.end() &&
            service_in_scope(policy, name, "", "")) {
            sort_in(options, name, services);
        }
    }
    services.set = services.set || policy.on_card_removal != OnCardRemoval::Ignore;
    return services;
}

// An image may be of another distribution than this machine.
bool has_pam_systemd(const std::string& root) {
    constexpr std::array<const char*, 8> folders{
        {PIV_PAMDIR, "/usr/lib64/security", "/lib64/security", "/usr/lib/x86_64-linux-gnu/security",
         "/usr/lib/aarch64-linux-gnu/security", "/lib/aarch64-linux-gnu/security",
         "/usr/lib/security", "/lib/security"}};
    return std::any_of(folders.begin(), folders.end(), [&root](const char* folder) {
        return access((root + folder + "/pam_systemd.so").c_str(), F_OK) == 0 ||
               access((root + folder + "/pam_elogind.so").c_str(), F_OK) == 0;
    });
}

void say(std::vector<RemovalFinding>& out, Kind kind, const std::string& what,
         const std::string& services, const std::string& fix) {
    if (!services.empty()) {
        out.push_back({kind, what + ": " + services, what, fix});
    }
}

}  // namespace

std::vector<RemovalFinding> check_removal(const CheckOptions& options, const LoginPolicy& policy) {
    const Services services = look(options, policy);
    std::vector<RemovalFinding> out;
    const std::string line =
        "session optional pam_piv.so, behind the line of pam_systemd.so: "
        "enable-smartcard --on-card-removal lock";
    if (!services.set) {
        say(out, Kind::Doubtful,
            "a session line, and session.on_card_removal = ignore: nothing is watched",
            services.line_for_nothing, "session.on_card_removal = lock, or take the line out");
        return out;
    }
    say(out, Kind::Wrong, "pam_piv.so stands before pam_systemd.so, so no session can be watched",
        services.before_logind, line);
    say(out, Kind::Wrong, "a session line of pam_piv.so, and none of pam_systemd.so",
        services.without_logind,
        "install the package of pam_systemd (libpam-systemd on Debian), and put its line first");
    if (services.watched.empty() && services.before_logind.empty() &&
        services.without_logind.empty()) {
        const std::string none =
            "session.on_card_removal is set, and no session line in /etc/pam.d names pam_piv.so";
        out.push_back({Kind::Wrong, none, none, line});
        return out;
    }
    say(out, Kind::Doubtful, "no session line of pam_piv.so", services.without_line, line);
    say(out, Kind::Good, "the removal of the card is noticed", services.watched, "");
    if (!services.watched.empty() && !has_pam_systemd(options.root)) {
        const std::string gone =
            "pam_systemd.so is not installed, so there are no sessions to watch";
        out.push_back({Kind::Wrong, gone, gone, "install the package of pam_systemd"});
    }
    if (options.root.empty() && access("/run/systemd/sessions", F_OK) != 0) {
        const std::string dead = "systemd-logind does not run, so no session can be watched";
        out.push_back({Kind::Wrong, dead, dead, "systemctl start systemd-logind"});
    }
    return out;
}

}  // namespace piv
