// One deleter for every OpenSSL handle.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace piv {

template <typename T>
struct OpenSslDeleter;

// NOLINTBEGIN(bugprone-macro-parentheses): the argument is a type, which takes no parentheses
#define PIV_OPENSSL_DELETER(type, function)                                \
    template <>                                                            \
    struct OpenSslDeleter<type> {                                          \
        void operator()(type* handle) const noexcept { function(handle); } \
    }
// NOLINTEND(bugprone-macro-parentheses)
PIV_OPENSSL_DELETER(X509, X509_free);
PIV_OPENSSL_DELETER(X509_NAME, X509_NAME_free);
PIV_OPENSSL_DELETER(X509_CRL, X509_CRL_free);
PIV_OPENSSL_DELETER(EVP_PKEY, EVP_PKEY_free);
PIV_OPENSSL_DELETER(EVP_PKEY_CTX, EVP_PKEY_CTX_free);
PIV_OPENSSL_DELETER(EVP_MD_CTX, EVP_MD_CTX_free);
PIV_OPENSSL_DELETER(ASN1_OBJECT, ASN1_OBJECT_free);
PIV_OPENSSL_DELETER(ASN1_INTEGER, ASN1_INTEGER_free);
PIV_OPENSSL_DELETER(BIGNUM, BN_free);
PIV_OPENSSL_DELETER(BIO, BIO_free_all);
#undef PIV_OPENSSL_DELETER

/// Owns an OpenSSL handle.
template <typename T>
using OpenSslPtr = std::unique_ptr<T, OpenSslDeleter<T>>;

}  // namespace piv
