// enable-smartcard: switches smart card login on in this system or in an image root.
#include <cstdio>

#include "image_builder/seal.h"
#include "image_builder/stage_cli.h"
#include "pki/cli/json_output.h"

using namespace piv;

namespace {

constexpr char kTool[] = "enable-smartcard";

int run(int argc, char** argv) {
    CommandLine app{"Switches smart card login on in this system or in an image root.", kTool};
    app.version(std::string("enable-smartcard ") + PIV_VERSION);
    StageCli cli;
    cli.command.tool = kTool;
    bool undo = false;
    bool status = false;
    bool seal = false;
    add_stage_options(app, cli, false);
    auto* root = app.add_option("--root", cli.command.root, "image root (default: this system)");
    root->type_name("DIR");
    app.add_flag("--json", cli.command.json, "one JSON document on standard output");
    auto* undo_flag = app.add_flag("--undo", undo, "take everything back, byte for byte");
    auto* status_flag = app.add_flag("--status", status, "say what is staged");
    auto* seal_flag = app.add_flag("--seal", seal, "make the image ready for capture");
    undo_flag->excludes(status_flag)->excludes(seal_flag)->excludes("--ca-cert");
    status_flag->excludes(seal_flag)->excludes("--ca-cert");
    seal_flag->excludes("--ca-cert");
    if (const std::optional<int> end = app.parse(argc, argv)) {
        return *end;
    }
    cli.command.root_given = root->given();
    if (Status s = finish_stage_options(cli); !s) {
        return fail(kTool, s.error(), cli.command.json);
    }
    if (undo) {
        return run_undo(cli.command);
    }
    if (status) {
        return run_status(cli.command);
    }
    if (seal) {
        return run_seal(cli.command);
    }
    if (cli.command.options.ca_files.empty()) {
        return fail(
            kTool,
            Error(ErrorCode::BadUsage, "no CA certificate was given: --ca-cert root.cer int.cer"),
            cli.command.json);
    }
    return run_stage(cli.command);
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
