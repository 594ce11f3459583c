// authselect's profile templates (authselect-profiles(5)): what they come to for a set of features.
#pragma once

#include <set>
#include <string>

#include "pki/base/result.h"

namespace piv {

/// Error: ImageTree for an operator or expression that authselect would refuse.
Result<std::string> render_authselect(const std::string& text,
                                      const std::set<std::string>& features);
/// `"a" and (not "b" or "c")`: from left to right, without precedence, as authselect evaluates it.
Result<bool> evaluate_authselect(const std::string& expression,
                                 const std::set<std::string>& features);
/// Features that a template implies: `{imply "a" if "b"}`.
std::set<std::string> implied_features(const std::string& text,
                                       const std::set<std::string>& features);

}  // namespace piv
