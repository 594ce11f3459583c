// People type their PIN where the name belongs. Such a name must not end up in logs.
#pragma once

#include <string_view>

#include "pam_module/account/account_binding.h"
#include "pam_module/helper/login_log.h"

namespace piv {

/// Digits only, about as many as a PIN has (SP 800-73-4: 6 to 8; one or two mistyped).
bool looks_like_pin(std::string_view name) noexcept;

/// What stands in records for such a name when no account is called so.
inline constexpr char kHiddenName[] = "(a number that is no account)";

/// Takes the name out of everything that would be written, if it looks like a PIN and `names` knows
/// no such account.
void hide_typed_pin(LoginEvent& event, AttemptRecord& record, const NameService& names);

}  // namespace piv
