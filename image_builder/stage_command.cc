#include "image_builder/stage_command.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "image_builder/apply.h"
#include "image_builder/gnome_files.h"
#include "image_builder/report.h"
#include "image_builder/trust_copies.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"

namespace piv {

namespace {

struct Opened {
    RootDir root;
    bool healed = false;
};

Result<RootDir> open_root(const StageCommand& command) {
    Result<RootDir> root = RootDir::open(command.root);
    if (!root) {
        return Error(root.code(), root.error().detail);
    }
    return root;
}

// Lock and heal before anything is looked at.
Status begin(Stager& stager, const StageCommand& command, bool& healed) {
    if (Status s = stager.lock(); !s) {
        return s;
    }
    if (command.dry_run) {
        if (stager.interrupted()) {
            return Error(ErrorCode::ImageTree,
                         command.root + ": an earlier run was interrupted; run without --dry-run");
        }
        return {};
    }
    Result<bool> h = stager.heal();
    if (!h) {
        return std::move(h).error();
    }
    healed = *h;
    return {};
}

int fail_all(const StageCommand& command, const StageOutcome& outcome) {
    for (const Problem& w : outcome.warnings) {
        print_warning(command.tool, w);
    }
    for (const Problem& p : outcome.problems) {
        print_problem(command.tool, p);
    }
    if (command.json) {
        Json out{{"result", "refused"},
                 {"profile", outcome.plan.profile},
                 {"problems", Json::array()},
                 {"warnings", Json::array()}};
        for (const Problem& p : outcome.problems) {
            out["problems"].push_back(problem_json(p));
        }
        for (const Problem& w : outcome.warnings) {
            out["warnings"].push_back(problem_json(w));
        }
        print_json(out);
    }
    return exit_status(outcome.problems);
}

Json plan_json(const StageOutcome& outcome, const StageManifest& prepared) {
    Json out{{"profile", outcome.plan.profile}, {"services", outcome.services},
             {"certificates", Json::array()},   {"files", Json::array()},
             {"notes", outcome.plan.notes},     {"warnings", Json::array()}};
    for (const PlanCertificate& c : outcome.plan.certificates) {
        out["certificates"].push_back({{"role", c.role},
                                       {"subject", c.subject},
                                       {"sha256", c.sha256},
                                       {"not_after", c.not_after},
                                       {"file", c.file},
                                       {"form", c.form}});
    }
    for (const PlanEntry& e : outcome.plan.entries) {
        const ManifestEntry* m = prepared.find(e.path);
        const bool same = m != nullptr && m->before == m->staged;
        const bool fresh = m != nullptr && m->before.kind == NodeKind::Absent;
        out["files"].push_back({{"path", e.path},
                                {"change", same    ? "none"
                                           : fresh ? "new"
                                                   : "changed"},
                                {"reason", e.reason}});
    }
    for (const Problem& w : outcome.warnings) {
        out["warnings"].push_back(problem_json(w));
    }
    return out;
}

int print_done(const StageCommand& command, const StageOutcome& outcome, Json document,
               const ApplyResult& result, bool healed) {
    for (const Problem& w : outcome.warnings) {
        print_warning(command.tool, w);
    }
    if (command.json) {
        document["result"] = result.changed() ? "staged" : "unchanged";
        document["healed"] = healed;
        print_json(document);
        return 0;
    }
    if (healed) {
        std::printf("an earlier run had been interrupted: rolled back first\n");
    }
    if (!result.changed()) {
        std::printf("nothing to do: this tree is staged already, with the same inputs\n");
        return 0;
    }
    for (const PlanCertificate& c : outcome.plan.certificates) {
        std::printf("%-12s %s (ends %s)\n", c.role.c_str(), escape_for_display(c.subject).c_str(),
                    c.not_after.c_str());
    }
    for (const std::string& path : result.written) {
        std::printf("wrote        %s\n", escape_for_display(path).c_str());
    }
    for (const std::string& path : result.restored) {
        std::printf("put back     %s\n", escape_for_display(path).c_str());
    }
    for (const std::string& note : outcome.plan.notes) {
        std::printf("note         %s\n", escape_for_display(note, 4096).c_str());
    }
    std::string services;
    for (const std::string& s : outcome.services) {
        services += (services.empty() ? "" : ", ") + s;
    }
    std::printf("profile %s; the card is asked by: %s\n", outcome.plan.profile.c_str(),
                services.empty() ? "no service yet" : escape_for_display(services, 4096).c_str());
    return 0;
}

int dry_run(const StageCommand& command, const RootDir& root, const StageOutcome& outcome,
            const StageManifest& prepared) {
    for (const Problem& w : outcome.warnings) {
        print_warning(command.tool, w);
    }
    if (command.json) {
        Json document = plan_json(outcome, prepared);
        document["result"] = "dry-run";
        print_json(document);
        return 0;
    }
    Result<std::string> text = describe_changes(root, outcome.plan, prepared);
    if (!text) {
        return fail(command.tool, text.error(), false);
    }
    std::printf("%s", text->empty() ? "nothing would change\n" : text->c_str());
    return 0;
}

}  // namespace

Result<std::optional<UnixTime>> source_date_epoch() {
    const char* text = std::getenv("SOURCE_DATE_EPOCH");
    if (text == nullptr || *text == '\0') {
        return std::optional<UnixTime>();
    }
    const std::string value(text);
    if (value.size() > 12 || value.find_first_not_of("0123456789") != std::string::npos) {
        return Error(ErrorCode::BadUsage, "SOURCE_DATE_EPOCH=" + value + ": is not a number");
    }
    return std::optional<UnixTime>(std::stoll(value));
}

int run_stage(const StageCommand& command) {
    if (Status s = check_options(command.options); !s) {
        return fail(command.tool, s.error(), command.json);
    }
    Result<RootDir> root = open_root(command);
    if (!root) {
        return fail(command.tool, root.error(), command.json);
    }
    Stager stager(*root, command.epoch);
    bool healed = false;
    if (Status s = begin(stager, command, healed); !s) {
        return fail(command.tool, s.error(), command.json);
    }
    const DiskTree disk(*root);
    Result<OverlayTree> original = stager.original_tree(disk);
    if (!original) {
        return fail(command.tool, original.error(), command.json);
    }
    const Result<StagedFiles> staged = stager.still_staged(nss_database_names());
    if (!staged) {
        return fail(command.tool, staged.error(), command.json);
    }
    StageOutcome outcome = plan_stage(*original, command.options, *staged);
    if (disk.fault()) {
        return fail(command.tool, *disk.fault(), command.json);
    }
    if (!outcome.problems.empty()) {
        return fail_all(command, outcome);
    }
    Result<StageManifest> prepared = stager.prepare(outcome.plan, command.force);
    if (!prepared) {
        return fail(command.tool, prepared.error(), command.json);
    }
    if (command.dry_run) {
        return dry_run(command, *root, outcome, *prepared);
    }
    Json document = plan_json(outcome, *prepared);
    Result<ApplyResult> result = stager.apply(outcome.plan, command.force);
    if (!result) {
        return fail(command.tool, result.error(), command.json);
    }
    return print_done(command, outcome, std::move(document), *result, healed);
}

int run_undo(const StageCommand& command) {
    Result<RootDir> root = open_root(command);
    if (!root) {
        return fail(command.tool, root.error(), command.json);
    }
    Stager stager(*root, command.epoch);
    bool healed = false;
    if (Status s = begin(stager, command, healed); !s) {
        return fail(command.tool, s.error(), command.json);
    }
    Result<ApplyResult> result = stager.undo(command.force);
    if (!result) {
        return fail(command.tool, result.error(), command.json);
    }
    if (command.json) {
        print_json({{"result", result->changed() ? "undone" : "unchanged"},
                    {"healed", healed},
                    {"restored", result->restored}});
        return 0;
    }
    if (!result->changed()) {
        std::printf("%s\n", healed ? "an interrupted run was rolled back; nothing else is staged"
                                   : "nothing to do: nothing is staged in this tree");
        return 0;
    }
    std::map<std::string, const char*> commands;
    for (const std::string& path : result->restored) {
        std::printf("put back     %s\n", escape_for_display(path).c_str());
        commands[trust_store_command(path)] = "it goes on trusting what was taken back";
        commands[dconf_command(path)] = "GNOME goes on with the settings that were taken back";
    }
    commands.erase("");
    for (const auto& [command_line, until_then] : commands) {
        std::printf("note         run in the image: %s; until then %s\n", command_line.c_str(),
                    until_then);
    }
    return 0;
}

namespace {

// The manifest, or how the run ends without one.
Result<StageManifest> need_manifest(const Stager& stager, const std::string& root) {
    if (stager.interrupted()) {
        return Error(ErrorCode::ImageDrift,
                     root + ": a run was interrupted; the next enable-smartcard heals it");
    }
    Result<std::optional<StageManifest>> m = stager.manifest();
    if (!m) {
        return std::move(m).error();
    }
    if (!m->has_value()) {
        return Error(ErrorCode::ImageDrift, root + ": nothing is staged in this tree");
    }
    return std::move(**m);
}

}  // namespace

int run_verify(const StageCommand& command) {
    Result<RootDir> root = open_root(command);
    if (!root) {
        return fail(command.tool, root.error(), command.json);
    }
    const Stager stager(*root, command.epoch);
    Result<StageManifest> manifest = need_manifest(stager, command.root);
    if (!manifest) {
        return fail(command.tool, manifest.error(), command.json);
    }
    Result<std::vector<Difference>> found = stager.drift(*manifest);
    if (!found) {
        return fail(command.tool, found.error(), command.json);
    }
    Json document{{"result", found->empty() ? "same" : "differs"}, {"differences", Json::array()}};
    for (const Difference& d : *found) {
        document["differences"].push_back({{"path", d.path}, {"what", d.what}});
        if (!command.json) {
            std::printf("%s: %s\n", escape_for_display(d.path).c_str(),
                        escape_for_display(d.what).c_str());
        }
    }
    if (command.json) {
        print_json(document);
    } else if (found->empty()) {
        std::printf("as staged: %zu files\n", manifest->entries.size());
    }
    return found->empty() ? 0 : static_cast<int>(ExitStatus::No);
}

int run_status(const StageCommand& command) {
    Result<RootDir> root = open_root(command);
    if (!root) {
        return fail(command.tool, root.error(), command.json);
    }
    const Stager stager(*root, command.epoch);
    Result<std::optional<StageManifest>> m = stager.manifest();
    if (!m) {
        return fail(command.tool, m.error(), command.json);
    }
    if (!m->has_value() || stager.interrupted()) {
        const bool interrupted = stager.interrupted();
        if (command.json) {
            print_json({{"staged", false}, {"interrupted", interrupted}});
        } else {
            std::printf("%s\n", interrupted ? "a run was interrupted: the next one heals it"
                                            : "not staged");
        }
        return static_cast<int>(ExitStatus::No);
    }
    const StageManifest& manifest = **m;
    Result<std::vector<Difference>> found = stager.drift(manifest);
    if (!found) {
        return fail(command.tool, found.error(), command.json);
    }
    if (command.json) {
        Json document{{"staged", true},
                      {"interrupted", false},
                      {"profile", manifest.profile},
                      {"options", manifest.options},
                      {"certificates", Json::array()},
                      {"differences", Json::array()}};
        for (const PlanCertificate& c : manifest.certificates) {
            document["certificates"].push_back({{"role", c.role},
                                                {"subject", c.subject},
                                                {"sha256", c.sha256},
                                                {"not_after", c.not_after}});
        }
        for (const Difference& d : *found) {
            document["differences"].push_back({{"path", d.path}, {"what", d.what}});
        }
        print_json(document);
    } else {
        std::printf("staged, profile %s, %zu files, %zu changed since\n", manifest.profile.c_str(),
                    manifest.entries.size(), found->size());
        for (const std::string& option : manifest.options) {
            std::printf("  %s\n", escape_for_display(option).c_str());
        }
        for (const PlanCertificate& c : manifest.certificates) {
            std::printf("  %-12s %s (ends %s)\n", c.role.c_str(),
                        escape_for_display(c.subject).c_str(), c.not_after.c_str());
        }
        for (const Difference& d : *found) {
            std::printf("  %s: %s\n", escape_for_display(d.path).c_str(),
                        escape_for_display(d.what).c_str());
        }
    }
    return found->empty() ? 0 : static_cast<int>(ExitStatus::No);
}

int run_prove(const StageCommand& command, const std::vector<std::string>& services) {
    Result<RootDir> root = open_root(command);
    if (!root) {
        return fail(command.tool, root.error(), command.json);
    }
    const DiskTree disk(*root);
    PamProofSettings settings;
    settings.required = command.options.required;
    settings.break_glass = command.options.break_glass;
    settings.services = command.options.services;
    Result<PamProof> proof = prove_pam(disk, settings);
    if (!proof || disk.fault()) {
        return fail(command.tool, disk.fault() ? *disk.fault() : proof.error(), command.json);
    }
    if (!services.empty()) {
        std::vector<PamProof::Row> rows;
        for (const std::string& service : services) {
            std::size_t before = rows.size();
            for (const PamProof::Row& row : proof->rows) {
                if (row.service == service) {
                    rows.push_back(row);
                }
            }
            if (rows.size() == before) {
                return fail(command.tool,
                            Error(ErrorCode::ImageTree, service + ": no PAM service of that name "
                                                                  "asks the card in this tree"),
                            command.json);
            }
        }
        proof->session_rows.erase(
            std::remove_if(proof->session_rows.begin(), proof->session_rows.end(),
                           [&services](const PamProof::SessionRow& row) {
                               return std::find(services.begin(), services.end(), row.service) ==
                                      services.end();
                           }),
            proof->session_rows.end());
        proof->rows = std::move(rows);
    }
    if (command.json) {
        print_json(proof_json(*proof));
    } else {
        std::printf("%s", describe(*proof).c_str());
    }
    for (const std::string& problem : proof->problems) {
        report_problem(command.tool, problem, "piv-image stage refuses such a tree");
    }
    return proof->problems.empty() ? 0 : static_cast<int>(ExitStatus::No);
}

}  // namespace piv
