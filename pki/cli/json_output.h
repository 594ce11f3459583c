// `--json`: exactly one document on stdout, whatever happens.
#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>

#include "pki/cli/tool.h"

namespace piv {

/// Prints `document` and a line end. Octets that are not UTF-8 become U+FFFD. ASCII only:
/// names out of certificates may turn a terminal's text around.
inline void print_json(const nlohmann::ordered_json& document) {
    const std::string text =
        document.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
    std::printf("%s\n", text.c_str());
}

/// {"error": {"code", "detail", "hint"}}
inline nlohmann::ordered_json error_json(const Error& error) {
    const ErrorInfo& row = info(error.code);
    nlohmann::ordered_json document;
    document["error"] = {
        {"code", std::string(row.name)}, {"detail", error.detail}, {"hint", std::string(row.hint)}};
    return document;
}

/// Says on stderr, and with `json` also on stdout, what went wrong. The exit status that goes with it.
inline int fail(const std::string& tool, const Error& error, bool json) {
    report_problem(tool, error);
    if (json) {
        print_json(error_json(error));
    }
    return exit_status(error);
}

}  // namespace piv
