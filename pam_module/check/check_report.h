// What piv-check prints: lines for people, or the one JSON document of the contract.
#pragma once

#include <optional>

#include "pam_module/decide/attempt_record.h"

namespace piv {

struct CheckResult {
    std::optional<Error> error;  // nothing: accept
    AttemptRecord record;
};

/// "accept", "reject" or "unavailable".
std::string_view decision_text(const CheckResult& result) noexcept;
/// 0, 1, 2, or 64, 65, 78 for usage, input and configuration.
int decision_status(const CheckResult& result) noexcept;

/// Prints and returns the exit status.
int report_check(const CheckResult& result, bool json);
/// The same for a question that could not even be put.
int report_failure(const Error& error, bool json);

}  // namespace piv
