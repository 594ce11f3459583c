// Certificate::from_der and everything it gives.
#include <cstdlib>

#include "pki/x509/certificate.h"
#include "pki/x509/certificate_fields.h"

using namespace piv;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Result<Certificate> c = Certificate::from_der({data, size});
    if (!c) {
        return 0;
    }
    if (c->der() != ByteView(data, size) || c->sha256_hex().size() != 64) {
        std::abort();  // what is accepted is exactly what was given
    }
    (void)c->subject();
    (void)c->issuer();
    (void)c->serial_hex();
    (void)c->spki_sha256_hex();
    (void)c->self_signed();
    (void)c->key_description();
    (void)c->eku();
    (void)c->policies();
    Result<std::vector<std::string>> upns = c->upns();
    for (const std::string& upn : upns ? *upns : std::vector<std::string>()) {
        if (upn.empty() || upn.find('\0') != std::string::npos) {
            std::abort();
        }
    }
    (void)c->emails();
    (void)c->sid();
    (void)c->ocsp_urls();
    (void)c->ca_issuer_urls();
    (void)c->crl_urls();
    (void)c->fasc_n();
    (void)c->card_uuid();
    return 0;
}
