// Accounts of an image root: its passwd file, read and never run.
#pragma once

#include <string>

#include "pam_module/account/account_binding.h"

namespace piv {

NameService root_name_service(const std::string& root);

}  // namespace piv
