// `piv-image export`.
#pragma once

#include "image_builder/stage_command.h"

namespace piv {

struct ExportSettings {
    std::string format;  // overlay-tar, ad-connector, image-builder-component, packer, ansible
    std::string output;  // a file; a folder for ad-connector
};
/// Returns the exit status. Replaces what is at the output only with `command.force`.
int run_export(const StageCommand& command, const ExportSettings& settings);

}  // namespace piv
