// What a login does without: texts of errors and names of ciphers. That certificates are judged as ever
// is shown by the other tests, which run a second time so.
#include "pki/x509/libcrypto_start.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <catch2/catch.hpp>
#include <cstdlib>

TEST_CASE("libcrypto as a login has it: digests by name, no texts of errors, no ciphers") {
    const bool small = std::getenv("PIV_TEST_SMALL_LIBCRYPTO") != nullptr;
    CHECK(EVP_get_digestbyname("SHA256") != nullptr);
    CHECK(EVP_get_digestbyname("SHA1") != nullptr);
    CHECK((EVP_get_cipherbyname("AES-128-CBC") == nullptr) == small);
    EVP_MD_CTX* ctx = EVP_MD_CTX_new();
    REQUIRE(ctx != nullptr);
    EVP_MD_CTX_free(ctx);
    CHECK((ERR_lib_error_string(ERR_PACK(ERR_LIB_X509, 0, 0)) == nullptr) == small);
}
