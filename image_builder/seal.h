// --seal: what must not be in an image when it is captured, and what capture would take away.
#pragma once

#include "image_builder/stage_command.h"

namespace piv {

/// Looks for CA files and private keys in folders that are captured or wiped, caches, debug options
/// and keys of the building host; removes our own caches; reports the rest. Exit status 1 when
/// something is left to do.
int run_seal(const StageCommand& command);

}  // namespace piv
