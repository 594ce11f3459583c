#include "tests/places.h"

namespace piv::test {

std::string source_dir() {
    return PIV_SOURCE_DIR;
}

std::string testdata_dir() {
    return PIV_TESTDATA;
}

}  // namespace piv::test
