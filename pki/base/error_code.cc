#include "pki/base/error_code.h"

#include <cstddef>

namespace piv {

namespace {
const ErrorInfo table[] = {
#define X(name, text, exit, outcome, user, hint) \
    {ErrorCode::name, text, ExitStatus::exit, AuthOutcome::outcome, user, hint},
    PIV_ERROR_CODES(X)
#undef X
};
}  // namespace

const ErrorInfo& info(ErrorCode code) noexcept {
    return table[static_cast<std::size_t>(code)];
}

const ErrorInfo* error_table(std::size_t& count) noexcept {
    count = sizeof(table) / sizeof(table[0]);
    return table;
}

}  // namespace piv
