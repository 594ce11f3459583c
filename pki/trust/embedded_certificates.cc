#include "pki/trust/embedded_certificates.h"

namespace piv {

std::vector<Certificate> embedded_certificates(ByteView octets, std::size_t limit) {
    std::vector<Certificate> out;
    for (std::size_t i = 0; i + 4 < octets.size() && out.size() < limit; ++i) {
        if (octets[i] != 0x30 || octets[i + 1] != 0x82) {
            continue;
        }
        const std::size_t size =
            4U + (static_cast<std::size_t>(octets[i + 2]) << 8U) + octets[i + 3];
        if (i + size > octets.size()) {
            continue;
        }
        if (auto c = Certificate::from_der(octets.sub(i, size)); c) {
            out.push_back(std::move(*c));
            i += size - 1;
        }
    }
    return out;
}

}  // namespace piv
