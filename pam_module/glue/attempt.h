// One question to the helper, from start to verdict.
#pragma once

#include "pam_module/glue/arguments.h"
#include "pam_module/glue/host.h"

namespace piv {

/// Runs the helper for `facility` and answers its prompts. Returns the PAM code of its verdict, or
/// PAM_SYSTEM_ERR (PAM_BUF_ERR without memory) when it is missing, dies, lies or is late. After
/// PAM_SUCCESS of Facility::Authenticate, PAM_USER is set if it was not, and the PIN is in
/// PAM_AUTHTOK unless `no_forward_pass`.
int run_attempt(Host& host, const Arguments& arguments, Facility facility) noexcept;

}  // namespace piv
