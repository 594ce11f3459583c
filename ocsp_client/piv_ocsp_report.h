// What piv-ocsp prints.
#pragma once

#include "ocsp_client/inquiry.h"

namespace piv {

struct OcspResult {
    std::string certificate;  // the file's name, as given
    RevocationVerdict verdict;
};

std::string_view to_text(RevocationState state) noexcept;
/// `FILE: good  ...`, one line, without its end.
std::string to_line(const OcspResult& result);
/// One JSON document.
std::string to_json(const std::vector<OcspResult>& results);
/// 0 all good, 1 one is revoked, 2 otherwise.
int exit_status(const std::vector<OcspResult>& results) noexcept;

}  // namespace piv
