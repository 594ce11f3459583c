// The options that enable-smartcard and piv-image stage share.
#pragma once

#include "image_builder/stage_command.h"
#include "pki/cli/command_line.h"

namespace piv {

struct StageCli {
    StageCommand command;
    std::string profile = "auto";
    std::string mode = "optional";
    bool no_break_glass = false;
};

void add_stage_options(CommandLine& app, StageCli& cli, bool ca_cert_required);
/// Turns the texts into values. Error: BadUsage.
Status finish_stage_options(StageCli& cli);

}  // namespace piv
