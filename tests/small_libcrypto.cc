// Linked to tests of certificates and answers: with PIV_TEST_SMALL_LIBCRYPTO they run with libcrypto
// prepared as a login has it.
#include <cstdlib>

#include "pki/x509/libcrypto_start.h"

namespace {

[[maybe_unused]] const bool started = [] {
    const bool wanted = std::getenv("PIV_TEST_SMALL_LIBCRYPTO") != nullptr;
    if (wanted) {
        piv::start_libcrypto_small();
    }
    return wanted;
}();

}  // namespace
