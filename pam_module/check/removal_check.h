// What the doctor says of the removal of the card: whether sessions are watched, and why not.
#pragma once

#include <string>
#include <vector>

#include "pam_module/check/check_options.h"
#include "pam_module/decide/login_policy.h"

namespace piv {

struct RemovalFinding {
    enum class Kind { Wrong, Doubtful, Good } kind = Kind::Wrong;
    std::string what;
    std::string plain;  // the same without names
    std::string fix;
};

/// Of the services that ask the card and that `policy` covers, each by its own settings. Empty:
/// neither a setting nor a line asks for a watch.
std::vector<RemovalFinding> check_removal(const CheckOptions& options, const LoginPolicy& policy);

}  // namespace piv
