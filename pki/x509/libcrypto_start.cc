#include "pki/x509/libcrypto_start.h"

#include <openssl/crypto.h>

namespace piv {

void start_libcrypto_small() noexcept {
    // A failure is one of memory: whatever comes next meets it too, and says so.
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ADD_ALL_CIPHERS,
                              nullptr);
}

}  // namespace piv
