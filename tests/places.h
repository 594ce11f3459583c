// Folders that tests read, without a slash at the end. They are named in places.cc alone: every other
// file is the same to a compiler cache, wherever the tree is.
#pragma once

#include <string>

namespace piv::test {

std::string source_dir();
/// Vectors that are not part of the project; may be missing.
std::string testdata_dir();

}  // namespace piv::test
