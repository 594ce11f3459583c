// How each distribution lets a module into its PAM stacks, without editing what it generates.
#pragma once

#include "image_builder/pam_file.h"
#include "image_builder/plan.h"
#include "image_builder/profile.h"

namespace piv {

struct PamHookSettings {
    bool required = false;
    bool break_glass = true;     // with required: root skips the card in system-auth / common-auth
    bool watch_session = false;  // a session line, so that the removal of the card is noticed
};

/// Our control for a stack that goes on to passwords; `jump` is "done", or "end" for pam-configs.
std::string piv_control(bool required, const std::string& success);

/// authconfig (AL2): system-auth and friends are links to files that it generates; ours include those
/// and the links point to ours. Where they are plain files, a marked section in them.
Status plan_authconfig(const Tree& tree, const PamHookSettings& settings, StagePlan& plan);
/// authselect (EL8 and later, AL2023): a custom profile derived from the tree's own selected one, and
/// what authselect would generate from it. Falls back to plan_authconfig's ways when no profile is
/// selected. Error: ImageTree.
Status plan_authselect(const Tree& tree, const PamHookSettings& settings, StagePlan& plan);
/// pam-auth-update (Debian, Ubuntu): a profile in pam-configs, and common-* and /var/lib/pam as that
/// tool makes them. Falls back to a marked section where the files are locally modified.
Status plan_pam_auth_update(const Tree& tree, const PamHookSettings& settings, StagePlan& plan);

/// `passwd: files piv ...` and group; passwd and group only. Comment and action aware.
std::string add_to_nsswitch(const std::string& text);

/// The auth lines of a marked section at the top of a file that is nobody else's.
std::string add_marked_section(const std::string& text, const std::vector<std::string>& lines);
/// The session line, in a marked section at the end: behind pam_systemd, wherever that is.
std::string add_marked_session(const std::string& text);

/// The last component of a link's target.
std::string file_name_of_link(const std::string& target);

inline constexpr char kMarkBegin[] = "#### piv-login control. Do not edit this section. ####";
inline constexpr char kMarkEnd[] = "#### End piv-login control section. ####";

}  // namespace piv
