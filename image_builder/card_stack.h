// What a reader and a card need in an image besides PAM: pcscd started on demand, and the helper's
// user allowed to talk to it.
#pragma once

#include "image_builder/ca_input.h"
#include "image_builder/plan.h"
#include "image_builder/tree.h"

namespace piv {

/// pcscd's socket by link and preset, the polkit rule where no package has put one. Returns
/// warnings: what is not installed in the tree.
std::vector<Problem> plan_card_stack(const Tree& tree, bool debian, StagePlan& plan);

}  // namespace piv
