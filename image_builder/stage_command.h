// enable-smartcard, and piv-image's stage, verify, undo and prove: one implementation.
#pragma once

#include "image_builder/stage_options.h"

namespace piv {

struct StageCommand {
    std::string tool;
    std::string root = "/";
    bool root_given = false;
    StageOptions options;
    bool dry_run = false;
    bool json = false;
    bool force = false;
    std::optional<UnixTime> epoch;  // SOURCE_DATE_EPOCH
};

// Each returns the exit status.
int run_stage(const StageCommand& command);
int run_undo(const StageCommand& command);
int run_status(const StageCommand& command);
int run_verify(const StageCommand& command);
int run_prove(const StageCommand& command, const std::vector<std::string>& services);

/// SOURCE_DATE_EPOCH; empty when unset. Error: BadUsage when it is not a number.
Result<std::optional<UnixTime>> source_date_epoch();

}  // namespace piv
