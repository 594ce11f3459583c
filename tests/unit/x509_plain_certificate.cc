#include "pki/x509/plain_certificate.h"

#include "pki/x509/certificate_reader.h"
#include "tests/unit/x509_maker.h"

using namespace piv;
using namespace piv::test;

TEST_CASE("certificates of every usual key and signature are plain") {
    const Pki pki;
    CHECK(is_plain_certificate(make_der(pki.root_spec())));
    CHECK(is_plain_certificate(make_der(pki.ca_spec())));
    CHECK(is_plain_certificate(make_der(pki.user_spec())));
    for (const char* kind : {"p384", "p521", "ed25519", "rsa2048"}) {
        INFO(kind);
        const OpenSslPtr<EVP_PKEY> key = make_key(kind);
        Spec spec{"M\xC3\xBCller", "M\xC3\xBCller", key.get(), key.get(), {}};
        spec.digest = std::string(kind) == "ed25519" ? nullptr : EVP_sha256();
        CHECK(is_plain_certificate(make_der(spec)));
        spec.to = 2600000000;  // GeneralizedTime
        spec.pss = std::string(kind) == "rsa2048";
        CHECK(is_plain_certificate(make_der(spec)));
    }
}

TEST_CASE("cut, longer, or joined with another, a certificate is not plain") {
    const Pki pki;
    const Bytes der = make_der(pki.user_spec());
    for (std::size_t size = 0; size < der.size(); ++size) {
        REQUIRE_FALSE(is_plain_certificate(ByteView(der).sub(0, size)));
    }
    Bytes longer = der;
    longer.push_back(0);
    CHECK_FALSE(is_plain_certificate(longer));
    Bytes two = der;
    two.insert(two.end(), der.begin(), der.end());
    CHECK_FALSE(is_plain_certificate(two));
}

// Every octet in turn, changed in several ways: libcrypto and our reader of fields are the judges.
TEST_CASE("what is called plain after a change of any octet, libcrypto and from_der take as well") {
    const Pki pki;
    const Bytes der = make_der(pki.user_spec());
    std::size_t plain = 0;
    std::size_t refused = 0;
    for (std::size_t at = 0; at < der.size(); ++at) {
        for (const unsigned mask : {0x01U, 0x20U, 0x80U, 0xFFU}) {
            Bytes changed = der;
            changed[at] = static_cast<std::uint8_t>(changed[at] ^ mask);
            const std::uint8_t* p = changed.data();
            const OpenSslPtr<X509> native(d2i_X509(nullptr, &p, static_cast<long>(changed.size())));
            const bool taken = native != nullptr && Certificate::from_der(changed).ok();
            if (is_plain_certificate(changed)) {
                INFO("octet " << at);
                REQUIRE(taken);
                ++plain;
            } else if (!taken) {
                ++refused;
            }
        }
    }
    CHECK(plain > der.size());  // keys and signatures are not looked into
    CHECK(refused > 100);
}

TEST_CASE("a private key is not a plain certificate") {
    const OpenSslPtr<EVP_PKEY> key = make_key("p256");
    unsigned char* out = nullptr;
    const int length = i2d_PrivateKey(key.get(), &out);
    REQUIRE(length > 0);
    CHECK_FALSE(is_plain_certificate(ByteView(out, static_cast<std::size_t>(length))));
    OPENSSL_free(out);
}

TEST_CASE("PEM is the octets that OpenSSL writes, whatever the length") {
    const Pki pki;
    Spec spec = pki.user_spec();
    for (int i = 0; i < 50; ++i) {
        spec.subject += 'x';
        const Certificate certificate = make(spec);
        const OpenSslPtr<BIO> out(BIO_new(BIO_s_mem()));
        REQUIRE(PEM_write_bio_X509(out.get(), certificate.native()) == 1);
        char* text = nullptr;
        const long length = BIO_get_mem_data(out.get(), &text);
        CHECK(to_pem(certificate.der()) == std::string(text, static_cast<std::size_t>(length)));
    }
}
