#include "image_builder/gnome_files.h"

#include <algorithm>
#include <map>
#include <sstream>

namespace piv {

namespace {

constexpr char kService[] = "/etc/pam.d/gdm-smartcard";
constexpr char kOurs[] = "/etc/pam.d/gdm-smartcard-piv-login";
constexpr char kAlternative[] = "/etc/alternatives/gdm-smartcard";
constexpr char kRecord[] = "/var/lib/dpkg/alternatives/gdm-smartcard";
constexpr int kPriority = 60;  // above those of the package gdm3: 30, 40, 50

constexpr char kSwitch[] =
    "# Written by enable-smartcard; taken back by enable-smartcard --undo.\n"
    "[org/gnome/login-screen]\n"
    "enable-smartcard-authentication=true\n";

bool has_gdm(const Tree& tree) {
    return tree.exists("/usr/sbin/gdm") || tree.exists("/usr/sbin/gdm3") ||
           tree.exists("/usr/bin/gdm");
}

void must_update(StagePlan& plan) {
    plan.notes.emplace_back(
        "GNOME: run in the image: dconf update; until then GDM goes on with the settings from "
        "before, and may leave the card alone");
}

// The first database that every session and the greeter read, of those that packages may write to.
std::string system_database(const Tree& tree) {
    Result<std::string> text = tree.read("/etc/dconf/profile/user");
    if (!text) {
        text = tree.read("/usr/share/dconf/profile/user");
    }
    std::istringstream lines(text.ok() ? *text : std::string());
    std::string line;
    std::string found;
    while (std::getline(lines, line)) {
        line.erase(line.find_last_not_of(" \t\r") + 1);
        if (line == "system-db:distro" || (line == "system-db:local" && found.empty())) {
            found = line.substr(10);
        }
    }
    return found;
}

void plan_switch(const Tree& tree, bool debian, StagePlan& plan) {
    if (debian) {
        // Each start of GDM compiles that folder (generate-config); the administrator's own settings
        // in /etc/gdm3/greeter.dconf-defaults are number 90 there, and win.
        if (tree.exists("/usr/share/gdm/dconf")) {
            plan.add_file("/usr/share/gdm/dconf/50-piv-login", kSwitch, Phase::Inert,
                          "GNOME's greeter takes cards");
        }
        return;
    }
    const Result<std::string> linked = tree.follow("/etc/dconf/db/distro.d/20-authselect");
    if (plan.find("/etc/authselect/dconf-db") != nullptr && linked.ok() &&
        *linked == "/etc/authselect/dconf-db") {
        must_update(plan);
        return;
    }
    const std::string database = system_database(tree);
    if (database.empty()) {
        return;  // GNOME's own default is to take cards
    }
    const std::string folder = "/etc/dconf/db/" + database + ".d/";
    plan.add_file(folder + "20-piv-login", kSwitch, Phase::Inert, "GNOME's greeter takes cards");
    plan.add_file(folder + "locks/20-piv-login",
                  "/org/gnome/login-screen/enable-smartcard-authentication\n", Phase::Inert,
                  "no person's settings take that away");
    must_update(plan);
}

// Ours after the model of the tree's own stack for SSSD: the line that asks for the card is replaced.
// "ignore" is a refusal here: nothing else in this stack knows the person.
Result<std::string> card_stack_like(const std::string& text, const std::string& path) {
    std::string out;
    bool replaced = false;
    for (const PamLine& line : parse_pam_file(text).lines) {
        const bool asks = line.kind == PamLine::Kind::Rule && line.type == PamType::Auth &&
                          (line.module == "pam_sss.so" || line.module == "pam_pkcs11.so");
        if (asks && replaced) {
            continue;
        }
        out += asks ? "auth    [success=ok default=die] pam_piv.so" : line.raw;
        out += "\n";
        replaced = replaced || asks;
    }
    if (!replaced) {
        return Error(ErrorCode::ImageTree, path + ": no line in it asks for a card");
    }
    return out;
}

Status plan_card_service(const Tree& tree, StagePlan& plan) {
    const Result<Node> service = tree.node(kService);
    const Result<Node> chosen = tree.node(kAlternative);
    if (!service.ok() || service->kind != NodeKind::Link || service->target != kAlternative ||
        !chosen.ok() || chosen->kind != NodeKind::Link) {
        return {};  // the administrator's own file, or a greeter without cards
    }
    const std::string model = "/etc/pam.d/gdm-smartcard-sssd-exclusive";
    const Result<std::string> record = tree.read(kRecord);
    const Result<std::string> text = tree.read(model);
    if (!record.ok() || !text.ok()) {
        plan.notes.emplace_back(std::string(kService) +
                                ": is left as it is, as its record or its model " + model +
                                " cannot be read; GDM asks that service while a card is inserted");
        return {};
    }
    if (record->compare(0, 5, "auto\n") != 0) {
        plan.notes.emplace_back(
            "GDM asks " + chosen->target +
            " while a card is inserted, chosen by hand with update-alternatives; that is kept. For "
            "ours: update-alternatives --auto gdm-smartcard, then run this again");
        return {};
    }
    Result<std::string> stack = card_stack_like(*text, model);
    if (!stack) {
        return std::move(stack).error();
    }
    Result<std::string> with_ours = add_alternative(*record, kOurs, kPriority);
    if (!with_ours) {
        return std::move(with_ours).error();
    }
    plan.add_file(kOurs, *stack, Phase::Inert, "the card alone, for GDM while one is inserted");
    plan.add_file(kRecord, *with_ours, Phase::Switch, "update-alternatives' record of it");
    plan.add_link(kAlternative, kOurs, Phase::Switch, "as update-alternatives chooses");
    return {};
}

}  // namespace

Status plan_gnome(const Tree& tree, bool debian, StagePlan& plan) {
    if (!has_gdm(tree)) {
        return {};
    }
    plan_switch(tree, debian, plan);
    return debian ? plan_card_service(tree, plan) : Status();
}

std::string dconf_command(const std::string& path) {
    const bool source =
        path.compare(0, 14, "/etc/dconf/db/") == 0 || path == "/etc/authselect/dconf-db";
    return source ? "dconf update" : "";
}

Result<std::string> add_alternative(const std::string& record, const std::string& path,
                                    int priority) {
    // "auto" or "manual", the link; slaves, to an empty line; then path, priority and slaves of each
    // alternative, by path; an empty line (dpkg, utils/update-alternatives.c, alternative_save).
    std::istringstream lines(record);
    std::string mode;
    std::string link;
    std::string line;
    if (!std::getline(lines, mode) || !std::getline(lines, link) || !std::getline(lines, line) ||
        !line.empty()) {
        return Error(ErrorCode::ImageTree,
                     path + ": update-alternatives' record is not understood");
    }
    std::map<std::string, std::string> all;
    std::string number;
    while (std::getline(lines, line) && !line.empty() && std::getline(lines, number)) {
        all[line] = number;
    }
    all[path] = std::to_string(priority);
    std::string out = mode + "\n" + link + "\n\n";
    for (const auto& [file, its_priority] : all) {
        out += file;
        out += "\n" + its_priority + "\n";
    }
    return out + "\n";
}

}  // namespace piv
