// piv-image inspect: what is in certificate files.
#pragma once

#include <string>
#include <vector>

#include "pki/base/time.h"

namespace piv {

/// Prints and returns the exit status: 0, or 65 when a file could not be read as certificates.
int inspect_files(const std::string& tool, const std::vector<std::string>& files, UnixTime now,
                  bool json);

}  // namespace piv
