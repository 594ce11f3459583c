// --verify-with: would this certificate be accepted by exactly what is being staged?
#pragma once

#include "image_builder/ca_lint.h"
#include "image_builder/plan.h"
#include "image_builder/stage_options.h"

namespace piv {

/// Validates each certificate that the options name with the trust files of the plan, byte for byte as
/// they will be written. One that would be refused is a problem; one that maps to nobody, a warning.
Findings verify_with(const StagePlan& plan, const StageOptions& options);

}  // namespace piv
