#include "pki/x509/certificate.h"

#include "pki/x509/possession.h"
#include "pki/x509/signature.h"
#include "tests/unit/x509_maker.h"

using namespace piv;
using namespace piv::test;

TEST_CASE("a user certificate gives its fields") {
    const Pki pki;
    Spec spec = pki.user_spec();
    spec.extensions.push_back(
        {NID_info_access, "OCSP;URI:http://ocsp.example.com/,caIssuers;URI:http://x/ca.cer"});
    spec.extensions.push_back({NID_crl_distribution_points, "URI:http://x/ca.crl"});
    spec.extensions.push_back(
        {NID_certificate_policies, "DER:30:0e:30:0c:06:0a:60:86:48:01:65:03:02:01:03:0d"});
    spec.serial = 0x00abcd;
    const Certificate c = make(spec);
    CHECK(c.subject() == "CN=Alice");
    CHECK(c.issuer() == "CN=CA");
    CHECK(c.serial_hex() == "abcd");
    CHECK(c.not_before() == kNow - 86400);
    CHECK(c.not_after() == kNow + 86400);
    CHECK(c.sha256_hex().size() == 64);
    CHECK(c.key_description() == "RSA 2048");
    CHECK_FALSE(c.is_ca());
    CHECK_FALSE(c.self_issued());
    CHECK(c.eku() == std::vector<std::string>{"1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2"});
    CHECK(c.policies() == std::vector<std::string>{"2.16.840.1.101.3.2.1.3.13"});
    REQUIRE(c.upns().ok());
    CHECK(*c.upns() == std::vector<std::string>{"alice@corp.example.com"});
    CHECK(c.emails() == std::vector<std::string>{"alice@example.com"});
    CHECK(c.ocsp_urls() == std::vector<std::string>{"http://ocsp.example.com/"});
    CHECK(c.ca_issuer_urls() == std::vector<std::string>{"http://x/ca.cer"});
    CHECK(c.crl_urls() == std::vector<std::string>{"http://x/ca.crl"});
    REQUIRE(c.sid().ok());
    CHECK_FALSE(c.sid()->has_value());
}

TEST_CASE("octets after the certificate, and a cut certificate, are refused") {
    const Pki pki;
    Bytes der = make_der(pki.user_spec());
    der.push_back(0);
    CHECK(Certificate::from_der(der).code() == ErrorCode::CertMalformed);
    der.resize(der.size() - 2);
    CHECK(Certificate::from_der(der).code() == ErrorCode::CertMalformed);
    CHECK(Certificate::from_der({}).code() == ErrorCode::CertMalformed);
}

TEST_CASE("a UPN that is not a UTF8String is refused") {
    const Pki pki;
    Spec spec = pki.user_spec();
    spec.extensions[3].value = "otherName:1.3.6.1.4.1.311.20.2.3;IA5:alice@corp.example.com";
    CHECK(make(spec).upns().code() == ErrorCode::UpnMalformed);
}

TEST_CASE("the SID extension is read, and a malformed one is refused") {
    const Pki pki;
    const auto with = [&pki](const std::string& sid) {
        Spec spec = pki.user_spec();
        std::string hex;
        Bytes text(sid.begin(), sid.end());
        // SEQUENCE { [0] { OID 1.3.6.1.4.1.311.25.2.1, [0] { OCTET STRING } } }
        Bytes octets{0x04, static_cast<std::uint8_t>(text.size())};
        octets.insert(octets.end(), text.begin(), text.end());
        Bytes inner{0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01,
                    0x82, 0x37, 0x19, 0x02, 0x01, 0xA0, static_cast<std::uint8_t>(octets.size())};
        inner.insert(inner.end(), octets.begin(), octets.end());
        Bytes name{0xA0, static_cast<std::uint8_t>(inner.size())};
        name.insert(name.end(), inner.begin(), inner.end());
        Bytes whole{0x30, static_cast<std::uint8_t>(name.size())};
        whole.insert(whole.end(), name.begin(), name.end());
        for (const std::uint8_t o : whole) {
            char two[4];
            (void)snprintf(two, sizeof(two), "%02x:", o);
            hex += two;
        }
        hex.pop_back();
        spec.extensions.push_back({sid_extension_nid(), "DER:" + hex});
        return make(spec).sid();
    };
    const auto good = with("S-1-5-21-397955417-626881126-188441444-3623811");
    REQUIRE(good.ok());
    CHECK(good->value() == "S-1-5-21-397955417-626881126-188441444-3623811");
    CHECK(with("S-1-5-21-x").code() == ErrorCode::CertMalformed);
    CHECK(with("S-1-5-21-").code() == ErrorCode::CertMalformed);
}

TEST_CASE("self-signed means that its own key verifies it") {
    const Pki pki;
    CHECK(make(pki.root_spec()).self_signed());
    Spec forged = pki.root_spec();
    forged.signer = pki.user_key.get();
    const Certificate c = make(forged);
    CHECK(c.self_issued());
    CHECK_FALSE(c.self_signed());
}

namespace {
Bytes sign(EVP_PKEY* key, const EVP_MD* md, ByteView data) {
    OpenSslPtr<EVP_MD_CTX> ctx(EVP_MD_CTX_new());
    std::size_t length = 0;
    REQUIRE(EVP_DigestSignInit(ctx.get(), nullptr, md, nullptr, key) == 1);
    REQUIRE(EVP_DigestSign(ctx.get(), nullptr, &length, data.data(), data.size()) == 1);
    Bytes out(length);
    REQUIRE(EVP_DigestSign(ctx.get(), out.data(), &length, data.data(), data.size()) == 1);
    out.resize(length);
    return out;
}
}  // namespace

TEST_CASE("possession is proven by a signature over our challenge, for each kind of key") {
    const Pki pki;
    const auto kind = GENERATE(as<std::string>(), "rsa2048", "p256", "p384", "p521");
    const auto key = make_key(kind);
    Spec spec = pki.user_spec();
    spec.key = key.get();
    const Certificate c = make(spec);
    const EVP_MD* md = kind == "p384" ? EVP_sha384() : kind == "p521" ? EVP_sha512() : EVP_sha256();
    auto challenge = Challenge::make();
    REQUIRE(challenge.ok());
    const Bytes data = challenge->bytes().copy();
    Bytes signature = sign(key.get(), md, data);
    auto other = Challenge::make();
    REQUIRE(other.ok());
    CHECK(verify_possession(c, std::move(*other), signature).code() == ErrorCode::KeyMismatch);
    auto input = card_input(c, *challenge);
    REQUIRE(input.ok());
    CHECK(input->size() == (kind == "rsa2048" ? 256U
                            : kind == "p384"  ? 48U
                            : kind == "p521"  ? 64U
                                              : 32U));
    CHECK(verify_possession(c, std::move(*challenge), signature).ok());
}

TEST_CASE("the block that an RSA card signs verifies as PKCS#1") {
    const Pki pki;
    const Certificate c = make(pki.user_spec());
    auto challenge = Challenge::make();
    REQUIRE(challenge.ok());
    auto block = card_input(c, *challenge);
    REQUIRE(block.ok());
    OpenSslPtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new(pki.user_key.get(), nullptr));
    REQUIRE(EVP_PKEY_sign_init(ctx.get()) == 1);
    REQUIRE(EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_NO_PADDING) == 1);
    Bytes signature(256);
    std::size_t length = signature.size();
    REQUIRE(EVP_PKEY_sign(ctx.get(), signature.data(), &length, block->data(), block->size()) == 1);
    CHECK(verify_possession(c, std::move(*challenge), signature).ok());
}

TEST_CASE("weak keys prove nothing") {
    const Pki pki;
    const auto kind = GENERATE(as<std::string>(), "rsa1024", "k256");
    const auto key = make_key(kind);
    Spec spec = pki.user_spec();
    spec.key = key.get();
    CHECK(scheme_for(make(spec)).code() == ErrorCode::WeakKey);
}
