#include "image_builder/kerberos_files.h"

#include <algorithm>
#include <sstream>

#include "image_builder/pam_hooks.h"
#include "image_builder/pkcs11_module.h"

namespace piv {

namespace {

constexpr char kKrb5Conf[] = "/etc/krb5.conf";
// No dot in the name: releases before 1.15 read no other names.
constexpr char kDropIn[] = "/etc/krb5.conf.d/50-piv-login";

bool is_name(const std::string& text) {
    return !text.empty() && text.size() <= 253 && text.front() != '.' && text.back() != '.' &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
           });
}

// Each file is read by itself: it starts with a section. Sections of one name are merged.
std::string drop_in(const Tree& tree, const PkinitSettings& settings) {
    std::string out =
        "# Written by enable-smartcard. It is replaced by the next run and taken back by --undo.\n"
        "[realms]\n";
    const std::string module = opensc_module_or_default(tree, settings.debian);
    for (const std::string& text : settings.realms) {
        const std::size_t eq = text.find('=');
        out += "    " + text.substr(0, eq) + " = {\n";
        out += "        pkinit_anchors = DIR:" PIV_SYSCONFDIR "/trust/anchors\n";
        if (settings.intermediates) {
            out += "        pkinit_pool = DIR:" PIV_SYSCONFDIR "/trust/intermediates\n";
        }
        out += "        pkinit_identities = PKCS11:module_name=" + module + "\n";
        if (eq != std::string::npos) {
            out += "        pkinit_kdc_hostname = " + text.substr(eq + 1) + "\n";
            out += "        pkinit_eku_checking = kpServerAuth\n";
        }
        out += "    }\n";
    }
    return out;
}

bool has_plugin(const Tree& tree) {
    for (const char* path : {"/usr/lib64/krb5/plugins/preauth/pkinit.so",
                             "/usr/lib/x86_64-linux-gnu/krb5/plugins/preauth/pkinit.so",
                             "/usr/lib/aarch64-linux-gnu/krb5/plugins/preauth/pkinit.so",
                             "/usr/lib/krb5/plugins/preauth/pkinit.so"}) {
        if (tree.exists(path)) {
            return true;
        }
    }
    return false;
}

}  // namespace

bool is_pkinit_realm(const std::string& text) {
    const std::size_t eq = text.find('=');
    return is_name(text.substr(0, eq)) && (eq == std::string::npos || is_name(text.substr(eq + 1)));
}

bool includes_krb5_folder(const std::string& text) {
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string directive;
        std::string folder;
        words >> directive >> folder;
        while (folder.size() > 1 && folder.back() == '/') {
            folder.pop_back();
        }
        // Directives stand at the start of a line.
        if (line.compare(0, 10, "includedir") == 0 && folder == "/etc/krb5.conf.d") {
            return true;
        }
    }
    return false;
}

Findings plan_pkinit(const Tree& tree, const PkinitSettings& settings, StagePlan& plan) {
    Findings out;
    if (settings.realms.empty()) {
        return out;
    }
    const auto warn = [&out](std::string what, std::string hint) {
        out.warnings.push_back({std::move(what), std::move(hint), ErrorCode::ImageTree});
    };
    plan.add_file(kDropIn, drop_in(tree, settings), Phase::Inert,
                  "--pkinit: a ticket with the card, by the staged chain");
    const Result<std::string> at = tree.follow(kKrb5Conf);
    const Result<std::string> text = tree.read(kKrb5Conf);
    if (!at || !text) {
        warn(std::string(kKrb5Conf) + " is not in this tree, so nothing includes " + kDropIn,
             "install Kerberos into the image, then run this again");
    } else if (!includes_krb5_folder(*text)) {
        const Result<Node> node = tree.node(*at);
        plan.add_file(
            *at,
            std::string(kMarkBegin) + "\nincludedir /etc/krb5.conf.d\n" + kMarkEnd + "\n" + *text,
            Phase::Inert, "--pkinit: this file does not include /etc/krb5.conf.d");
        if (node.ok()) {
            plan.entries.back().mode = node->mode & 0777U;
            plan.entries.back().uid = node->uid;
            plan.entries.back().gid = node->gid;
        }
    }
    if (!has_plugin(tree)) {
        warn("the PKINIT plugin of Kerberos is not in this tree",
             settings.debian ? "install krb5-pkinit and krb5-user into the image"
                             : "install krb5-pkinit and krb5-workstation into the image");
    }
    if (opensc_module(tree).empty()) {
        warn("OpenSC's PKCS#11 module is not in this tree, and PKINIT reaches the card by it",
             settings.debian ? "install opensc-pkcs11 into the image"
                             : "install opensc into the image");
    }
    plan.notes.emplace_back(
        "--pkinit: the chain staged here is also what the domain controllers' certificates have to "
        "lead to; check it with: piv-check --doctor --kdc");
    return out;
}

}  // namespace piv
