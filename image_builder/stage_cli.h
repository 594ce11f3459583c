// The options that enable-smartcard and piv-image stage share.
#pragma once

#include <CLI/CLI.hpp>

#include "image_builder/stage_command.h"

namespace piv {

struct StageCli {
    StageCommand command;
    std::string profile = "auto";
    std::string mode = "optional";
    bool no_break_glass = false;
};

void add_stage_options(CLI::App& app, StageCli& cli, bool ca_cert_required);
/// Turns the texts into values. Error: BadUsage.
Status finish_stage_options(StageCli& cli);

/// CLI11's parse, with the contract's exit statuses: 0 for --help and --version, 64 for the rest.
/// Empty: go on.
std::optional<int> parse_arguments(CLI::App& app, const std::string& tool, int argc, char** argv);

}  // namespace piv
