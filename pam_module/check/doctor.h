// `piv-check --doctor`: everything that a login needs, in one command, worst findings first.
#pragma once

#include "pam_module/check/check_options.h"

namespace piv {

/// Exit status: 0 nothing is wrong, 1 something is that keeps people from logging in.
int run_doctor(const CheckOptions& options, UnixTime now);

}  // namespace piv
