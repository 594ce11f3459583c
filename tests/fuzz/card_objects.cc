// Data objects of a card: what comes out is within the limits, and a view within the input.
#include <cstdlib>

#include "pam_module/card/piv_objects.h"
#include "pam_module/card/tlv.h"

using namespace piv;

namespace {

void walk(ByteView bytes, int depth) {
    TlvReader reader(bytes);
    for (;;) {
        auto next = reader.next();
        if (!next || !next->has_value()) {
            return;
        }
        const ByteView value = (*next)->value;
        if (value.size() > bytes.size() ||
            (!value.empty() && (value.data() < bytes.data() ||
                                value.data() + value.size() > bytes.data() + bytes.size()))) {
            std::abort();
        }
        if (depth > 0) {
            walk(value, depth - 1);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(data, size);
    walk(input, 3);
    auto certificate = certificate_from_object(input);
    if (certificate && certificate->has_value() &&
        ((*certificate)->empty() || (*certificate)->size() > kMaxCardCertificate)) {
        std::abort();
    }
    (void)pin_from_discovery(input);
    auto guid = guid_from_chuid(input);
    if (guid && guid->size() > 2 * size) {
        std::abort();
    }
    return 0;
}
