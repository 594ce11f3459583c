#include "pki/x509/certification_path.h"

#include "tests/unit/x509_maker.h"

using namespace piv;
using namespace piv::test;

namespace {

struct Scene {
    Pki pki;
    Spec root = pki.root_spec();
    Spec ca = pki.ca_spec();
    Spec user = pki.user_spec();
    PathPolicy policy;
    UnixTime at = kNow;

    Result<CertificationPath> run() const {
        TrustStore store;
        store.add_anchor(make(root));
        store.add_intermediate(make(ca));
        return validate_path(make(user), store, {}, policy, at);
    }
    ErrorCode code() const {
        auto path = run();
        REQUIRE_FALSE(path.ok());
        return path.code();
    }
};

}  // namespace

TEST_CASE("a good chain gives a path, leaf first") {
    const Scene s;
    auto path = s.run();
    REQUIRE(path.ok());
    REQUIRE(path->certificates().size() == 3);
    CHECK(path->leaf().subject() == "CN=Alice");
    CHECK(path->anchor().subject() == "CN=Root");
    CHECK(path->checked_at() == kNow);
}

TEST_CASE("both ends of the validity are inside") {
    Scene s;
    s.at = s.user.from;
    CHECK(s.run().ok());
    s.at = s.user.to;
    CHECK(s.run().ok());
    s.at = s.user.from - 1;
    CHECK(s.code() == ErrorCode::CertNotYetValid);
    s.at = s.user.to + 1;
    CHECK(s.code() == ErrorCode::CertExpired);
}

TEST_CASE("an expired intermediate, or an expired root, ends the path") {
    Scene s;
    s.ca.to = kNow - 1;
    CHECK(s.code() == ErrorCode::CertExpired);
    Scene t;
    t.root.to = kNow - 1;
    CHECK(t.code() == ErrorCode::CertExpired);
}

TEST_CASE("an intermediate is never an anchor") {
    const Pki pki;
    TrustStore store;
    Spec other = pki.root_spec();
    other.subject = other.issuer = "Other";
    store.add_anchor(make(other));
    store.add_intermediate(make(pki.ca_spec()));
    auto path = validate_path(make(pki.user_spec()), store, {}, {}, kNow);
    CHECK(path.code() == ErrorCode::IssuerMissing);
    CHECK(path.error().detail.find("CN=Root") != std::string::npos);
    // not even a self-signed one that is only offered
    path = validate_path(make(pki.user_spec()), store, {make(pki.root_spec())}, {}, kNow);
    CHECK(path.code() == ErrorCode::AnchorNotTrusted);
}

TEST_CASE("no anchors at all") {
    const Pki pki;
    CHECK(validate_path(make(pki.user_spec()), TrustStore(), {}, {}, kNow).code() ==
          ErrorCode::NoTrustAnchors);
}

TEST_CASE("a signature by another key is refused") {
    Scene s;
    const auto other = make_key("p256");
    s.user.signer = other.get();
    CHECK(s.code() == ErrorCode::CertSignatureBad);
}

TEST_CASE("an issuer that is not a CA is refused") {
    Scene s;
    s.ca.extensions[0].value = "critical,CA:FALSE";
    CHECK(s.code() == ErrorCode::CertNotCa);
    Scene t;
    t.ca.extensions[1].value = "critical,digitalSignature";
    CHECK(t.code() == ErrorCode::CertNotCa);
    Scene u;
    u.ca.extensions.erase(u.ca.extensions.begin());
    CHECK(u.code() == ErrorCode::CertNotCa);
}

TEST_CASE("a path length constraint is kept, the root's as well") {
    Scene s;
    s.root.extensions[0].value = "critical,CA:TRUE,pathlen:0";
    CHECK(s.code() == ErrorCode::PathTooLong);
}

TEST_CASE("an unknown critical extension is refused, a known one is not") {
    Scene s;
    s.user.extensions.push_back({NID_netscape_comment, "critical,hello"});
    CHECK(s.code() == ErrorCode::CriticalExtension);
    Scene t;
    t.user.extensions.push_back({NID_netscape_comment, "hello"});
    CHECK(t.run().ok());
}

TEST_CASE("only login certificates log in") {
    const auto use = GENERATE(as<std::string>(), "serverAuth", "anyExtendedKeyUsage");
    Scene s;
    s.user.extensions[2].value = use;
    CHECK(s.code() == ErrorCode::EkuWrong);
    s.policy.purpose = Purpose::Any;
    CHECK(s.run().ok());
}

TEST_CASE("key usage must let the key sign") {
    Scene s;
    s.user.extensions[1].value = "critical,keyEncipherment";
    CHECK(s.code() == ErrorCode::KeyUsageWrong);
}

TEST_CASE("extended key usage of a CA limits what it issues") {
    Scene s;
    s.ca.extensions.push_back({NID_ext_key_usage, "serverAuth"});
    CHECK(s.code() == ErrorCode::EkuWrong);
    s.ca.extensions.back().value = "clientAuth";
    CHECK(s.run().ok());
}

TEST_CASE("weak keys and signatures are refused") {
    Scene s;
    const auto weak = make_key("rsa1024");
    s.user.key = weak.get();
    CHECK(s.code() == ErrorCode::WeakKey);
    Scene t;
    t.user.digest = EVP_sha1();
    CHECK(t.code() == ErrorCode::WeakSignature);
    t.policy.insecurely_allow_sha1 = true;
    CHECK(t.run().ok());
}

TEST_CASE("name constraints hold for UPNs") {
    Scene s;
    s.ca.extensions.push_back(
        {NID_name_constraints,
         "critical,permitted;otherName:1.3.6.1.4.1.311.20.2.3;UTF8:other.example.com"});
    CHECK(s.code() == ErrorCode::NameConstraint);
    s.ca.extensions.back().value =
        "critical,permitted;otherName:1.3.6.1.4.1.311.20.2.3;UTF8:corp.example.com";
    CHECK(s.run().ok());
    s.ca.extensions.back().value =
        "critical,permitted;otherName:1.3.6.1.4.1.311.20.2.3;UTF8:@corp.example.com";
    CHECK(s.run().ok());
    s.ca.extensions.back().value =
        "critical,excluded;otherName:1.3.6.1.4.1.311.20.2.3;UTF8:example.com";
    CHECK(s.code() == ErrorCode::NameConstraint);
}

TEST_CASE("required policies") {
    Scene s;
    s.policy.user_initial_policy_set = {"1.2.3.4"};
    CHECK(s.run().ok());  // RFC 5280: without require-explicit-policy a path may have none
    s.policy.require_explicit_policy = true;
    CHECK(s.code() == ErrorCode::PolicyNotAllowed);
    s.user.extensions.push_back({NID_certificate_policies, "DER:30:07:30:05:06:03:2a:03:04"});
    CHECK(s.code() == ErrorCode::PolicyNotAllowed);
    s.ca.extensions.push_back({NID_certificate_policies, "DER:30:07:30:05:06:03:2a:03:04"});
    CHECK(s.run().ok());
}

TEST_CASE("a re-keyed CA: the right one of two certificates of one name is found") {
    Pki pki;
    const auto old_key = make_key("p256");
    Spec old = pki.ca_spec();
    old.key = old_key.get();
    TrustStore store;
    store.add_anchor(make(pki.root_spec()));
    store.add_intermediate(make(old));
    store.add_intermediate(make(pki.ca_spec()));
    CHECK(validate_path(make(pki.user_spec()), store, {}, {}, kNow).ok());
}

TEST_CASE("cross-certified CAs in a circle end, and within the budget") {
    Pki pki;
    Spec a_by_b = pki.ca_spec();
    a_by_b.issuer = "B";
    const auto b_key = make_key("p256");
    a_by_b.signer = b_key.get();
    a_by_b.extensions[0].value = "critical,CA:TRUE";
    Spec b_by_a = a_by_b;
    b_by_a.subject = "B";
    b_by_a.issuer = "CA";
    b_by_a.key = b_key.get();
    b_by_a.signer = pki.ca_key.get();
    TrustStore store;
    store.add_anchor(make(pki.root_spec()));
    auto path = validate_path(make(pki.user_spec()), store, {make(a_by_b), make(b_by_a)}, {}, kNow);
    CHECK_FALSE(path.ok());
    PathPolicy tight;
    tight.max_signature_checks = 1;
    path = validate_path(make(pki.user_spec()), store, {make(a_by_b), make(b_by_a)}, tight, kNow);
    CHECK(path.code() == ErrorCode::PathBudget);
}
