// GNOME's greeter: its switch for smart cards, and the PAM service that it asks while a card is in the
// reader.
#pragma once

#include "image_builder/pam_hooks.h"

namespace piv {

/// Called after the PAM hooks are planned: where authselect's profile carries the switch, it stays
/// there. Nothing in a tree without GDM. Error: ImageTree.
Status plan_gnome(const Tree& tree, bool debian, StagePlan& plan);

/// The command that a path among dconf's sources has to be followed by, staged or taken back; empty for
/// every other path.
std::string dconf_command(const std::string& path);

/// /var/lib/dpkg/alternatives/NAME with one more alternative, as update-alternatives --install writes
/// it. The record has no slave links. Error: ImageTree.
Result<std::string> add_alternative(const std::string& record, const std::string& path,
                                    int priority);

}  // namespace piv
