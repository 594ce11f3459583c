#include "image_builder/browser_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "image_builder/nss_database.h"
#include "image_builder/nss_modules.h"
#include "image_builder/pkcs11_module.h"
#include "image_builder/stage_plan.h"

namespace piv {

namespace {

using Json = nlohmann::ordered_json;

constexpr char kPolicies[] = "/etc/firefox/policies/policies.json";
constexpr char kSkeleton[] = "/etc/skel/.pki/nssdb/pkcs11.txt";

bool names_file(const Json& value, const std::string& file) {
    return value.is_string() && value.get<std::string>() == file;
}

// Which policies.json Firefox reads: the one under /etc hides the one beside the program.
std::string policies_path(const Tree& tree) {
    if (tree.exists(kPolicies)) {
        return kPolicies;
    }
    for (const char* path : {"/usr/lib64/firefox/distribution/policies.json",
                             "/usr/lib/firefox/distribution/policies.json",
                             "/usr/lib/firefox-esr/distribution/policies.json"}) {
        if (tree.exists(path)) {
            return path;
        }
    }
    return kPolicies;
}

// The present text of a file that others may have made; empty when there is none.
Result<std::string> present(const Tree& tree, const std::string& path, std::string& at) {
    Result<std::string> followed = tree.follow(path);
    if (!followed) {
        return std::move(followed).error();
    }
    at = *followed;
    Result<std::string> text = tree.read(at);
    if (!text && text.code() == ErrorCode::FileNotFound) {
        return std::string();
    }
    return text;
}

}  // namespace

void stage_as_found(const Tree& tree, const std::string& path, ByteView content,
                    const std::string& reason, StagePlan& plan) {
    plan.add_file(path, content.text(), Phase::Inert, reason);
    const Result<Node> node = tree.node(path);
    if (node.ok() && node->kind == NodeKind::File) {
        plan.entries.back().mode = node->mode & 0777U;
        plan.entries.back().uid = node->uid;
        plan.entries.back().gid = node->gid;
    }
}

Result<std::string> merge_policies(const std::string& text, const std::string& module,
                                   const std::vector<std::string>& root_files) {
    const bool empty = text.find_first_not_of(" \t\r\n") == std::string::npos;
    Json document = empty ? Json::object() : Json::parse(text, nullptr, false);
    const Json before = document;
    const auto object = [](Json& parent, const char* key) -> Json* {
        if (!parent.contains(key)) {
            parent[key] = Json::object();
        }
        return parent[key].is_object() ? &parent[key] : nullptr;
    };
    Json* policies = document.is_object() ? object(document, "policies") : nullptr;
    Json* devices = policies != nullptr ? object(*policies, "SecurityDevices") : nullptr;
    // {"Add": {NAME: FILE}} since Firefox 114; {NAME: FILE} before, and still taken.
    if (devices != nullptr && (devices->contains("Add") || devices->contains("Delete"))) {
        devices = object(*devices, "Add");
    }
    if (devices == nullptr) {
        return Error(ErrorCode::ImageInput, "is no JSON of Firefox's policies");
    }
    const bool there = std::any_of(devices->begin(), devices->end(),
                                   [&](const Json& file) { return names_file(file, module); });
    if (!there) {
        (*devices)[kNssDevice] = module;
    }
    if (!root_files.empty()) {
        Json* certificates = object(*policies, "Certificates");
        if (certificates == nullptr) {
            return Error(ErrorCode::ImageInput, "is no JSON of Firefox's policies");
        }
        Json& list = (*certificates)["Install"];
        list = list.is_array() ? list : Json::array();
        for (const std::string& file : root_files) {
            if (std::none_of(list.begin(), list.end(),
                             [&](const Json& one) { return names_file(one, file); })) {
                list.push_back(file);
            }
        }
    }
    if (document == before) {
        return text;
    }
    return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Findings plan_browsers(const Tree& tree, const std::vector<LintedCa>& chain,
                       const BrowserSettings& settings, StagePlan& plan) {
    Findings out;
    const auto problem = [&out](const std::string& path, const Error& error) {
        out.problems.push_back(
            {path + ": " + error.detail, "repair that file, or move it away", error.code});
    };
    const std::string module = opensc_module_or_default(tree, settings.debian);
    std::vector<std::string> roots;
    for (const LintedCa& ca : chain) {
        if (ca.anchor && settings.system_trust) {
            roots.push_back(PIV_SYSCONFDIR "/trust/anchors/" +
                            trust_file_name(ca.input.certificate));
        }
    }
    const std::string policies = policies_path(tree);
    std::string at;
    Result<std::string> text = present(tree, policies, at);
    Result<std::string> merged =
        text.ok() ? merge_policies(*text, module, roots) : Result<std::string>(text.error());
    if (!merged) {
        problem(policies, merged.error());
    } else {
        stage_as_found(tree, at, ByteView(*merged), "--browsers: Firefox loads the card's module",
                       plan);
    }
    text = present(tree, kSkeleton, at);
    if (!text) {
        problem(kSkeleton, text.error());
    } else {
        stage_as_found(tree, at, ByteView(add_nss_module(*text, module)),
                       "--browsers: Chromium of accounts made from now on loads the card's module",
                       plan);
    }
    const std::string system_list = std::string(kSystemNss) + "/pkcs11.txt";
    if (!settings.nss_db && tree.exists(system_list)) {
        text = present(tree, system_list, at);
        if (!text) {
            problem(system_list, text.error());
        } else if (add_nss_module(*text, module) != *text) {
            stage_as_found(
                tree, at, ByteView(add_nss_module(*text, module)),
                "--browsers: programs that use the system's NSS database load the card's module",
                plan);
        }
    }
    if (opensc_module(tree).empty()) {
        out.warnings.push_back(
            {"OpenSC's PKCS#11 module is not in this tree, and browsers reach "
             "the card by it",
             settings.debian ? "install opensc-pkcs11 into the image"
                             : "install opensc into the image",
             ErrorCode::ImageTree});
    }
    plan.notes.emplace_back(
        "--browsers: accounts that exist already keep their own NSS database; for those run once "
        "as the person: modutil -dbdir sql:$HOME/.pki/nssdb -add OpenSC -libfile " +
        module);
    if (settings.al2 && !settings.nss_db) {
        plan.notes.emplace_back(
            "--browsers: where a program still reads NSS databases of the old format (cert8.db, "
            "secmod.db), add --nss-db");
    }
    return out;
}

}  // namespace piv
