// The user of the card role and the folders of the state, for trees that the package has not been
// installed into, or not by a tool that makes users.
#pragma once

#include "image_builder/ca_input.h"
#include "image_builder/plan.h"
#include "image_builder/profile.h"

namespace piv {

/// sysusers.d/piv-login.conf and tmpfiles.d/piv-login.conf as the package has them, where the tree has
/// none. No sysusers.d on Amazon Linux 2: its systemd makes no users. Says what makes the user when the
/// tree's passwd file has none. Problem: that user is root by its id.
Findings plan_system_files(const Tree& tree, ImageProfile profile, StagePlan& plan);

}  // namespace piv
