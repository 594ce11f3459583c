// What every tool does the same way: problems on stderr in two lines, results on stdout, exit codes.
#pragma once

#include <string>

#include "pki/base/result.h"

namespace piv {

/// `tool: what: why` and, on the next line, `  try: what to do`. Both escaped for display.
void report_problem(const std::string& tool, const Error& error);
void report_problem(const std::string& tool, const std::string& what, const std::string& hint);
/// The exit status that goes with an error.
int exit_status(const Error& error) noexcept;

}  // namespace piv
