// piv-check --stig: which of DISA's rules on smart card login a system meets, with file and line.
#pragma once

#include "pam_module/check/check_options.h"

namespace piv {

/// Prints one line for each rule, or JSON. Exit status: Yes when no rule is failed, No when one is,
/// CannotTell when there is no guide for the system, BadConfig when its configuration is refused.
int run_stig(const CheckOptions& options, UnixTime now);

}  // namespace piv
