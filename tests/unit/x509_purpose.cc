// Who may log in, who may answer as a KDC, and with which keys and signatures.
#include "pki/x509/certificate_fields.h"
#include "pki/x509/certification_path.h"
#include "tests/unit/x509_maker.h"

using namespace piv;
using namespace piv::test;

namespace {

constexpr char kCardAuthPolicy[] = "DER:30:0e:30:0c:06:0a:60:86:48:01:65:03:02:01:03:11";

// A chain whose keys and signatures can be chosen; the user's certificate is a login certificate.
struct Chain {
    Pki pki;
    Spec root = pki.root_spec();
    Spec ca = pki.ca_spec();
    Spec user = pki.user_spec();
    PathPolicy policy;

    [[nodiscard]] Result<CertificationPath> run() const {
        TrustStore store;
        store.add_anchor(make(root));
        store.add_intermediate(make(ca));
        return validate_path(make(user), store, {}, policy, kNow);
    }
    [[nodiscard]] ErrorCode code() const {
        const auto path = run();
        REQUIRE_FALSE(path.ok());
        return path.code();
    }
    // The same key for all three.
    void use(EVP_PKEY* key) {
        root.key = root.signer = ca.key = ca.signer = user.key = user.signer = key;
    }
};

constexpr char kFascN[] = "d4e739da739ced39ce739da1685a1082108ce73984108583ef";

std::string tlv(const std::string& tag, const std::string& hex) {
    const std::uint8_t size[] = {static_cast<std::uint8_t>(hex.size() / 2)};
    return tag + to_hex(ByteView(size, 1)) + hex;
}

// A subject alternative name as FIPS 201-3 section 4.2.2.1 has it: pivFASC-N, and the card's UUID as
// a URN (RFC 4122 section 3).
std::string san(const std::string& fasc_n, const std::string& uri) {
    const std::string name = tlv("06", "6086480165030606") + tlv("a0", tlv("04", fasc_n));
    const std::string url = to_hex(ByteView(std::string_view(uri)));
    return "DER:" + tlv("30", tlv("a0", name) + tlv("86", url));
}

}  // namespace

TEST_CASE("a KDC is one by id-pkinit-KPKdc and by nothing else") {
    Chain c;
    c.policy.purpose = Purpose::KdcAuth;
    c.user.extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                         {NID_key_usage, "critical,digitalSignature,keyEncipherment"},
                         {NID_ext_key_usage, "1.3.6.1.5.2.3.5,serverAuth"},
                         {NID_subject_alt_name, "DNS:dc1.corp.example.com"}};
    CHECK(c.run().ok());
    const auto other = GENERATE(as<std::string>(), "serverAuth", "clientAuth",
                                "1.3.6.1.4.1.311.20.2.2", "anyExtendedKeyUsage", "1.3.6.1.5.2.3.4");
    c.user.extensions[2].value = other;
    CHECK(c.code() == ErrorCode::EkuWrong);
    c.user.extensions.erase(c.user.extensions.begin() + 2);
    CHECK(c.code() == ErrorCode::EkuWrong);
}

TEST_CASE("a CA that is limited to other uses makes no KDC, and a KDC does not log in") {
    Chain c;
    c.user.extensions[2].value = "1.3.6.1.5.2.3.5";
    CHECK(c.code() == ErrorCode::EkuWrong);  // as a person
    c.policy.purpose = Purpose::KdcAuth;
    CHECK(c.run().ok());
    c.ca.extensions.push_back({NID_ext_key_usage, "clientAuth"});
    CHECK(c.code() == ErrorCode::EkuWrong);
    c.ca.extensions.back().value = "clientAuth,1.3.6.1.5.2.3.5";
    CHECK(c.run().ok());
}

TEST_CASE("card authentication and content signing never log in, whatever the purpose") {
    const auto purpose = GENERATE(Purpose::SmartcardLogon, Purpose::Any, Purpose::ClientAuth);
    Chain c;
    c.policy.purpose = purpose;
    REQUIRE(c.run().ok());
    for (const char* use : {"clientAuth,2.16.840.1.101.3.6.8", "clientAuth,2.16.840.1.101.3.6.7"}) {
        c.user.extensions[2].value = use;
        CHECK(c.code() == ErrorCode::EkuWrong);
    }
    c.user.extensions[2].value = "clientAuth";
    c.user.extensions.push_back({NID_certificate_policies, kCardAuthPolicy});
    CHECK(c.code() == ErrorCode::EkuWrong);
}

TEST_CASE("the question whether a path is valid is not one of logins") {
    Chain c;
    c.policy = PathPolicy::standards_only();
    c.policy.conformance = Conformance::Section6;
    c.user.extensions[2].value = "2.16.840.1.101.3.6.8";
    CHECK(c.run().ok());
}

TEST_CASE("RSASSA-PSS signatures count, by their digest") {
    Chain c;
    c.use(c.pki.root_key.get());
    c.root.pss = c.ca.pss = c.user.pss = true;
    for (const EVP_MD* digest : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
        c.root.digest = c.ca.digest = c.user.digest = digest;
        CHECK(c.run().ok());
    }
    c.user.digest = EVP_sha1();
    CHECK(c.code() == ErrorCode::WeakSignature);
    c.policy.insecurely_allow_sha1 = true;
    CHECK(c.run().ok());
}

TEST_CASE("a PSS signature of another key is bad") {
    Chain c;
    const auto other = make_key("rsa2048");
    c.use(c.pki.root_key.get());
    c.user.pss = true;
    c.user.signer = other.get();
    CHECK(c.code() == ErrorCode::CertSignatureBad);
}

TEST_CASE("the kinds of keys that CAs and people may have") {
    const auto kind =
        GENERATE(as<std::string>(), "rsa2048", "rsa3072", "p256", "p384", "p521", "ed25519");
    const auto key = make_key(kind);
    Chain c;
    c.use(key.get());
    const EVP_MD* digest = kind == "ed25519" ? nullptr
                           : kind == "p521"  ? EVP_sha512()
                           : kind == "p384"  ? EVP_sha384()
                                             : EVP_sha256();
    c.root.digest = c.ca.digest = c.user.digest = digest;
    CHECK(c.run().ok());
}

TEST_CASE("SHA-1 is an exception by name, at every place of the path; MD5 is none") {
    const int place = GENERATE(0, 1);
    Chain c;
    Spec& weak = place == 0 ? c.user : c.ca;
    weak.digest = EVP_sha1();
    CHECK(c.code() == ErrorCode::WeakSignature);
    c.policy.insecurely_allow_sha1 = true;
    CHECK(c.run().ok());
    Chain md5;
    md5.use(md5.pki.root_key.get());
    md5.policy.insecurely_allow_sha1 = true;
    (place == 0 ? md5.user : md5.ca).digest = EVP_md5();
    CHECK(md5.code() == ErrorCode::WeakSignature);
}

TEST_CASE("an anchor's own signature says nothing: a SHA-1 root is an anchor like others") {
    Chain c;
    c.root.digest = EVP_sha1();
    CHECK(c.run().ok());
}

TEST_CASE("FASC-N and card UUID are read from the alternative name") {
    const Pki pki;
    Spec spec = pki.user_spec();
    spec.extensions[3].value = san(kFascN, "urn:uuid:12345678-90AB-cdef-1234-567890abcdef");
    const Certificate c = make(spec);
    REQUIRE(c.fasc_n());
    CHECK(to_hex(*c.fasc_n()) == kFascN);
    REQUIRE(c.card_uuid());
    CHECK(*c.card_uuid() == "12345678-90ab-cdef-1234-567890abcdef");

    spec.extensions[3].value = san("d4e739", "urn:uuid:1234");
    CHECK_FALSE(make(spec).fasc_n());
    CHECK_FALSE(make(spec).card_uuid());
    CHECK_FALSE(make(pki.user_spec()).fasc_n());
    CHECK_FALSE(make(pki.user_spec()).card_uuid());
}
