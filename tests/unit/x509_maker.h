// Makes certificates with OpenSSL for tests: a small PKI in memory.
#pragma once

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "pki/x509/certificate.h"
#include "pki/x509/openssl_ptr.h"

namespace piv::test {

inline constexpr UnixTime kNow = 1800000000;  // 2027-01-15

inline OpenSslPtr<EVP_PKEY> make_key(const std::string& kind) {
    const bool rsa = kind.compare(0, 3, "rsa") == 0;
    const bool ed25519 = kind == "ed25519";
    OpenSslPtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new_id(rsa       ? EVP_PKEY_RSA
                                                     : ed25519 ? EVP_PKEY_ED25519
                                                               : EVP_PKEY_EC,
                                                     nullptr));
    REQUIRE(EVP_PKEY_keygen_init(ctx.get()) == 1);
    if (rsa) {
        REQUIRE(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx.get(), std::stoi(kind.substr(3))) == 1);
    } else if (!ed25519) {
        const int nid = kind == "p256"   ? NID_X9_62_prime256v1
                        : kind == "p384" ? NID_secp384r1
                        : kind == "p521" ? NID_secp521r1
                                         : NID_secp256k1;
        REQUIRE(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx.get(), nid) == 1);
        REQUIRE(EVP_PKEY_CTX_set_ec_param_enc(ctx.get(), OPENSSL_EC_NAMED_CURVE) == 1);
    }
    EVP_PKEY* key = nullptr;
    REQUIRE(EVP_PKEY_keygen(ctx.get(), &key) == 1);
    return OpenSslPtr<EVP_PKEY>(key);
}

/// Of Microsoft's SID extension, which OpenSSL knows by itself in newer releases.
inline int sid_extension_nid() {
    constexpr char kOid[] = "1.3.6.1.4.1.311.25.2";
    const int known = OBJ_txt2nid(kOid);
    return known != NID_undef ? known : OBJ_create(kOid, "ntdsSid", "NTDS SID");
}

struct Extra {
    int nid;
    std::string value;  // OpenSSL's extension syntax
};

struct Spec {
    std::string subject;
    std::string issuer;
    EVP_PKEY* key = nullptr;
    EVP_PKEY* signer = nullptr;
    std::vector<Extra> extensions;
    UnixTime from = kNow - 86400;
    UnixTime to = kNow + 86400;
    long serial = 1;
    const EVP_MD* digest = EVP_sha256();  // nullptr: EdDSA
    bool pss = false;                     // RSASSA-PSS, salt as long as the digest
};

inline bool sign_certificate(X509* x, const Spec& spec) {
    const OpenSslPtr<EVP_MD_CTX> ctx(EVP_MD_CTX_new());
    EVP_PKEY_CTX* key = nullptr;  // owned by ctx
    return EVP_DigestSignInit(ctx.get(), &key, spec.digest, nullptr, spec.signer) == 1 &&
           (!spec.pss || (EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING) > 0 &&
                          EVP_PKEY_CTX_set_rsa_pss_saltlen(key, RSA_PSS_SALTLEN_DIGEST) > 0)) &&
           X509_sign_ctx(x, ctx.get()) > 0;
}

inline void set_name(X509_NAME* name, const std::string& cn) {
    if (!cn.empty()) {
        REQUIRE(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                           reinterpret_cast<const unsigned char*>(cn.c_str()), -1,
                                           -1, 0) == 1);
    }
}

inline Bytes make_der(const Spec& spec) {
    OpenSslPtr<X509> x(X509_new());
    X509_set_version(x.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x.get()), spec.serial);
    ASN1_TIME_set(X509_getm_notBefore(x.get()), static_cast<time_t>(spec.from));
    ASN1_TIME_set(X509_getm_notAfter(x.get()), static_cast<time_t>(spec.to));
    set_name(X509_get_subject_name(x.get()), spec.subject);
    set_name(X509_get_issuer_name(x.get()), spec.issuer);
    X509_set_pubkey(x.get(), spec.key);
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x.get(), x.get(), nullptr, nullptr, 0);
    for (const Extra& e : spec.extensions) {
        X509_EXTENSION* ext = X509V3_EXT_conf_nid(nullptr, &ctx, e.nid, e.value.c_str());
        REQUIRE(ext != nullptr);
        X509_add_ext(x.get(), ext, -1);
        X509_EXTENSION_free(ext);
    }
    REQUIRE(sign_certificate(x.get(), spec));
    unsigned char* der = nullptr;
    const int length = i2d_X509(x.get(), &der);
    REQUIRE(length > 0);
    Bytes out(der, der + length);
    OPENSSL_free(der);
    return out;
}

inline Certificate make(const Spec& spec) {
    Result<Certificate> c = Certificate::from_der(make_der(spec));
    REQUIRE(c.ok());
    return std::move(c).value();
}

/// Root, issuing CA and a user with everything a login asks for.
struct Pki {
    OpenSslPtr<EVP_PKEY> root_key = make_key("rsa2048");
    OpenSslPtr<EVP_PKEY> ca_key = make_key("p256");
    OpenSslPtr<EVP_PKEY> user_key = make_key("rsa2048");

    Spec root_spec() const {
        return {"Root",
                "Root",
                root_key.get(),
                root_key.get(),
                {{NID_basic_constraints, "critical,CA:TRUE"},
                 {NID_key_usage, "critical,keyCertSign,cRLSign"}}};
    }
    Spec ca_spec() const {
        return {"CA",
                "Root",
                ca_key.get(),
                root_key.get(),
                {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                 {NID_key_usage, "critical,keyCertSign,cRLSign"}}};
    }
    Spec user_spec() const {
        return {"Alice",
                "CA",
                user_key.get(),
                ca_key.get(),
                {{NID_basic_constraints, "critical,CA:FALSE"},
                 {NID_key_usage, "critical,digitalSignature"},
                 {NID_ext_key_usage, "clientAuth,1.3.6.1.4.1.311.20.2.2"},
                 {NID_subject_alt_name,
                  "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp.example.com,"
                  "email:alice@example.com"}}};
    }
};

}  // namespace piv::test
