// piv-image: convert, inspect, stage, verify, prove, undo, export and import-config.
#include <cstdio>

#include "image_builder/convert.h"
#include "image_builder/export_command.h"
#include "image_builder/import_config.h"
#include "image_builder/inspect.h"
#include "image_builder/stage_cli.h"
#include "pki/base/text.h"
#include "pki/cli/json_output.h"

using namespace piv;
using Json = nlohmann::ordered_json;

namespace {

constexpr char kTool[] = "piv-image";

int convert(const std::vector<std::string>& files, ConvertSettings settings, bool json) {
    settings.digests = json;
    const std::vector<Converted> all = convert_files(files, settings);
    Json document{{"converted", Json::array()}, {"problems", Json::array()}};
    std::string out;
    bool input_failed = false;
    bool write_failed = false;
    for (const Converted& one : all) {
        if (one.failed) {
            report_problem(kTool, one.problem.what, one.problem.hint);
            document["problems"].push_back({{"input", one.input},
                                            {"what", one.problem.what},
                                            {"hint", one.problem.hint},
                                            {"code", std::string(info(one.problem.code).name)}});
            (one.problem.code == ErrorCode::WriteFailed ? write_failed : input_failed) = true;
            continue;
        }
        if (json) {
            document["converted"].push_back({{"input", one.input},
                                             {"form", one.form},
                                             {"outputs", one.outputs},
                                             {"sha256", one.sha256},
                                             {"unchanged", one.unchanged}});
            continue;
        }
        out += escape_for_display(one.input, 4096) + " ->";
        for (const std::string& path : one.outputs) {
            out += " " + escape_for_display(path, 4096);
        }
        out += one.unchanged ? " (unchanged)\n" : "\n";
    }
    if (json) {
        print_json(document);
    } else {
        (void)std::fwrite(out.data(), 1, out.size(), stdout);
    }
    if (input_failed) {
        return static_cast<int>(ExitStatus::BadData);
    }
    return write_failed ? static_cast<int>(ExitStatus::CannotTell) : 0;
}

void add_common(CommandLine& app, StageCommand& command, bool root_required) {
    auto* root = app.add_option("--root", command.root, "image root");
    root->type_name("DIR");
    if (root_required) {
        root->required();
    }
    app.add_flag("--json", command.json, "one JSON document on standard output");
}

CommandLine* add_import(CommandLine& app, ImportCommand& command) {
    auto* sub = app.add_command(
        "import-config", "what pam_pkcs11 and SSSD are set to, as a configuration of piv-login");
    sub->add_option("--root", command.root, "image root (default: this system)")->type_name("DIR");
    sub->add_option("--pam-pkcs11", command.pam_pkcs11, "its pam_pkcs11.conf, inside the root")
        ->type_name("FILE");
    sub->add_option("--sssd", command.sssd, "its sssd.conf, inside the root")
        ->type_name("FILE")
        ->one_each();
    sub->add_flag("--json", command.json, "one JSON document on standard output");
    return sub;
}

int run(int argc, char** argv) {
    CommandLine app{"Puts smart card login into image roots.", kTool};
    app.version(std::string("piv-image ") + PIV_VERSION);
    app.require_command();
    StageCli cli;
    cli.command.tool = kTool;
    std::vector<std::string> files;
    std::vector<std::string> services;
    ConvertSettings settings;

    auto* conv = app.add_command("convert", "certificates in any form to one PEM file each");
    conv->add_option("-o", settings.folder, "folder to write to (default: beside each input)")
        ->type_name("DIR");
    conv->add_flag("--force", settings.force, "replace files that exist");
    conv->add_flag("--json", cli.command.json, "one JSON document on standard output");
    conv->add_option("FILE", files, "certificate files")->required();

    auto* insp = app.add_command("inspect", "what is in certificate files");
    insp->add_flag("--json", cli.command.json, "one JSON document on standard output");
    insp->add_option("FILE", files, "certificate files")->required();

    auto* stage = app.add_command("stage", "as enable-smartcard, for an image root");
    add_stage_options(*stage, cli, true);
    add_common(*stage, cli.command, true);

    auto* verify = app.add_command("verify", "differences from what was staged");
    add_common(*verify, cli.command, true);
    auto* undo = app.add_command("undo", "take everything back, byte for byte");
    undo->add_flag("--force", cli.command.force, "also what was changed since it was staged");
    add_common(*undo, cli.command, true);

    auto* prove = app.add_command("prove", "what each PAM stack comes to, for every outcome");
    add_common(*prove, cli.command, true);
    prove->add_option("--mode", cli.mode, "optional or required")
        ->type_name("MODE")
        ->one_of({"optional", "required"});
    prove->add_flag("--no-break-glass", cli.no_break_glass,
                    "root at the console may be locked out");
    prove->add_option("SERVICE", services, "PAM services (default: all that ask the card)");

    ExportSettings exported;
    auto* exp = app.add_command("export", "what is staged, for other image tools");
    add_common(*exp, cli.command, true);
    exp->add_option("--format", exported.format,
                    "overlay-tar, ad-connector, image-builder-component, packer or ansible")
        ->type_name("FORMAT")
        ->required()
        ->one_of({"overlay-tar", "ad-connector", "image-builder-component", "packer", "ansible"});
    exp->add_option("-o", exported.output, "file to write; for ad-connector a folder")
        ->type_name("PATH")
        ->required();
    exp->add_flag("--force", cli.command.force, "replace files that exist");

    ImportCommand imported;
    const CommandLine* import = add_import(app, imported);

    if (const std::optional<int> end = app.parse(argc, argv)) {
        return *end;
    }
    cli.command.root_given = true;
    if (Status s = finish_stage_options(cli); !s) {
        return fail(kTool, s.error(), cli.command.json);
    }
    if (import->given()) {
        return run_import(kTool, imported);
    }
    if (conv->given()) {
        return convert(files, settings, cli.command.json);
    }
    if (insp->given()) {
        return inspect_files(kTool, files, cli.command.options.now, cli.command.json);
    }
    if (stage->given()) {
        return run_stage(cli.command);
    }
    if (verify->given()) {
        return run_verify(cli.command);
    }
    if (undo->given()) {
        return run_undo(cli.command);
    }
    if (exp->given()) {
        return run_export(cli.command, exported);
    }
    return run_prove(cli.command, services);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& e) {
        report_problem(kTool, std::string("internal error: ") + e.what(),
                       "please report it; no file was left half-written");
        return static_cast<int>(ExitStatus::CannotTell);
    }
}
