#include "pki/cli/tool.h"

#include <cstdio>

#include "pki/base/text.h"

namespace piv {

void report_problem(const std::string& tool, const std::string& what, const std::string& hint) {
    std::fprintf(stderr, "%s: %s\n", tool.c_str(), escape_for_display(what, 4096).c_str());
    if (!hint.empty()) {
        std::fprintf(stderr, "  try: %s\n", escape_for_display(hint, 4096).c_str());
    }
}

void report_problem(const std::string& tool, const Error& error) {
    const ErrorInfo& row = info(error.code);
    std::string what(row.name);
    if (!error.detail.empty()) {
        what = error.detail + " (" + what + ")";
    }
    report_problem(tool, what, std::string(row.hint));
}

int exit_status(const Error& error) noexcept {
    return static_cast<int>(info(error.code).exit);
}

}  // namespace piv
