#include "image_builder/import_config.h"

#include <algorithm>
#include <cstdio>

#include "image_builder/report.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"

namespace piv {

namespace {

std::string joined(const std::vector<std::string>& list) {
    std::string out;
    for (const std::string& item : list) {
        out += (out.empty() ? "" : ",") + item;
    }
    return out;
}

// Control characters of a foreign file do not get into ours.
std::string one_line(const std::string& text) {
    return escape_for_display(text, 1024);
}

Status import_all(const Tree& tree, const ImportCommand& command, ImportedConfig& out, int& read) {
    const std::string pkcs11 =
        command.pam_pkcs11.empty() ? "/etc/pam_pkcs11/pam_pkcs11.conf" : command.pam_pkcs11;
    if (!command.pam_pkcs11.empty() || (command.sssd.empty() && tree.exists(pkcs11))) {
        if (Status s = import_pam_pkcs11(tree, pkcs11, out); !s) {
            return s;
        }
        ++read;
    }
    std::vector<std::string> files = command.sssd;
    if (files.empty() && command.pam_pkcs11.empty()) {
        if (tree.exists("/etc/sssd/sssd.conf")) {
            files.emplace_back("/etc/sssd/sssd.conf");
        }
        const Result<std::vector<std::string>> names = tree.list("/etc/sssd/conf.d");
        for (const std::string& name : names ? *names : std::vector<std::string>{}) {
            const bool conf = name.size() > 5 && name.compare(name.size() - 5, 5, ".conf") == 0;
            if (conf && name.front() != '.') {
                files.push_back("/etc/sssd/conf.d/" + name);
            }
        }
    }
    for (const std::string& file : files) {
        if (Status s = import_sssd(tree, file, out); !s) {
            return s;
        }
        ++read;
    }
    return {};
}

void print_imported(const ImportedConfig& imported) {
    std::printf("%s", config_of(imported).c_str());
    if (!imported.accounts.empty()) {
        std::printf("\n# --- for " PIV_SYSCONFDIR "/accounts ---\n");
        for (const std::string& line : imported.accounts) {
            std::printf("%s\n", one_line(line).c_str());
        }
    }
    std::printf("\n# --- the command ---\n# enable-smartcard");
    for (const std::string& domain : imported.domains) {
        std::printf(" --domain %s", one_line(domain).c_str());
    }
    std::printf(" --ca-cert");
    for (const std::string& file : imported.ca_files) {
        std::printf(" %s", one_line(file).c_str());
    }
    std::printf("%s\n", imported.ca_files.empty() ? " FILE..." : "");
    if (!imported.left_out.empty()) {
        std::printf("\n# --- not taken over ---\n");
    }
    for (const LeftOut& one : imported.left_out) {
        std::printf("# %s\n#   %s\n", one_line(one.what).c_str(), one_line(one.why).c_str());
    }
}

}  // namespace

void ImportedConfig::leave(std::string what, std::string why) {
    left_out.push_back({std::move(what), std::move(why)});
}

std::string config_of(const ImportedConfig& imported) {
    std::map<std::string, std::map<std::string, std::string>> settings = imported.settings;
    if (!imported.map.empty()) {
        settings["mapping"]["map"] = joined(imported.map);
    }
    if (!imported.domains.empty()) {
        settings["mapping"]["domain"] = joined(imported.domains);
    }
    std::string out = "# --- for " PIV_SYSCONFDIR "/piv-login.conf.d/40-imported.conf ---\n";
    for (const auto& [section, values] : settings) {
        out += "[" + section + "]\n";
        for (const auto& [key, value] : values) {
            out += key + " = " + one_line(value) + "\n";
        }
    }
    return out;
}

int run_import(const std::string& tool, const ImportCommand& command) {
    Result<RootDir> root = RootDir::open(command.root);
    if (!root) {
        return fail(tool, root.error(), command.json);
    }
    const DiskTree tree(*root);
    ImportedConfig imported;
    int read = 0;
    if (Status s = import_all(tree, command, imported, read); !s) {
        return fail(tool, s.error(), command.json);
    }
    if (tree.fault()) {
        return fail(tool, *tree.fault(), command.json);
    }
    if (read == 0) {
        return fail(tool,
                    Error(ErrorCode::FileNotFound,
                          command.root + ": has no configuration of pam_pkcs11 or SSSD"),
                    command.json);
    }
    if (!command.json) {
        print_imported(imported);
        return 0;
    }
    Json left = Json::array();
    for (const LeftOut& one : imported.left_out) {
        left.push_back({{"what", one.what}, {"why", one.why}});
    }
    print_json({{"config", config_of(imported)},
                {"accounts", imported.accounts},
                {"domains", imported.domains},
                {"ca_files", imported.ca_files},
                {"left_out", left}});
    return 0;
}

}  // namespace piv
