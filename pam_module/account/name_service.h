// The machine's own name service, for processes that may ask it (never the PAM glue).
#pragma once

#include <string>

#include "pam_module/account/account_binding.h"

namespace piv {

/// getpwnam_r. An answer that cannot be had counts as "not known".
NameService system_name_service();

/// Whether `user` is in `group`, as primary or supplementary group. Error: UserUnknown; BadConfig
/// when the group does not exist: an exemption that nobody can have is a mistake.
Result<bool> is_group_member(const std::string& user, const std::string& group);

}  // namespace piv
