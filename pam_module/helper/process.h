// The first lines of the helper: nothing that the caller's process had is left.
#pragma once

#include <string>

#include "pki/base/result.h"

namespace piv {

/// The helper's end of the socket pair.
inline constexpr int kHelperSocket = 3;

/// /dev/null as descriptors 0 to 2, kHelperSocket kept, all others closed; empty environment,
/// default signals, own session, `/` as folder, umask 077; root altogether when the effective user
/// is root; not dumpable, no core, no new privileges, limits. False when kHelperSocket is not a
/// socket or a step that protects secrets fails.
bool sanitise_process() noexcept;

/// Closes every descriptor from `first` on, except `keep` (-1: none).
void close_descriptors_from(int first, int keep) noexcept;

/// Gives up root for the system user `piv-login`, or for 65534 when there is none (then `fallback`
/// is set). Without root nothing happens. Ids and groups come from the files in /etc, never from a
/// name service. Error: Internal.
Status drop_privileges(bool& fallback);

/// As root: makes `folder` (mode 0700, of the role's user) and what is above it (0711, root's), so
/// that the role can keep certificates of known cards there. Where that does not work out nothing is
/// kept, and a login takes its usual time.
void prepare_role_folder(const std::string& folder) noexcept;

}  // namespace piv
