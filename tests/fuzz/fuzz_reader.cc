// read_certificates: whatever file people have.
#include <cstdlib>

#include "pki/x509/certificate_reader.h"

using namespace piv;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Result<ReadCertificates> read = read_certificates({data, size}, "input");
    if (!read) {
        return 0;
    }
    if (read->certificates.empty()) {
        std::abort();
    }
    for (const Certificate& c : read->certificates) {
        const std::string pem = to_pem(c);
        Result<ReadCertificates> again = read_certificates(ByteView(std::string_view(pem)), "pem");
        if (!again || again->certificates.size() != 1 ||
            again->certificates[0].sha256_hex() != c.sha256_hex()) {
            std::abort();
        }
    }
    return 0;
}
