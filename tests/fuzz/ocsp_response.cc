// Response bytes to verdict.
#include "tests/fuzz/ocsp_common.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const piv::ByteView input(data, size);
    piv::fuzz::must_not_be_good(input);
    piv::fuzz::must_not_be_good(piv::fuzz::edited(piv::fuzz::base().response, input));
    return 0;
}
