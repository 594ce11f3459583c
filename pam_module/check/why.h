// `piv-check --why USER`: the recorded reasons of that user's last login attempts.
#pragma once

#include <string>

namespace piv {

/// Prints the last attempts, newest first; the exit status: 0 the last one logged in, 1 it did not,
/// 2 there is no record.
int explain_attempts(const std::string& user, const std::string& root, bool json);

}  // namespace piv
