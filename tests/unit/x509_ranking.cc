// Which of many errors is reported, as docs/paths.md says; and where missing issuers can be had.
#include "pki/x509/certification_path.h"

#include <algorithm>

#include "tests/unit/x509_maker.h"

using namespace piv;
using namespace piv::test;

namespace {

// Anchors, then what only helps.
Error best_error(const Certificate& leaf, const std::vector<Certificate>& anchors,
                 const std::vector<Certificate>& helpers, const PathPolicy& policy = {}) {
    TrustStore store;
    for (const Certificate& a : anchors) {
        store.add_anchor(a);
    }
    const auto path = validate_path(leaf, store, helpers, policy, kNow);
    REQUIRE_FALSE(path.ok());
    return path.error();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

const Extra kKeyId{NID_subject_key_identifier, "hash"};

}  // namespace

TEST_CASE("a rule broken on a path to an anchor is reported before anything else") {
    const Pki pki;
    const Certificate user = make(pki.user_spec());
    Spec expired = pki.ca_spec();
    expired.to = kNow - 1;
    const auto other_key = make_key("p256");
    Spec bad = pki.ca_spec();  // same name, another key: its signature does not fit
    bad.key = other_key.get();
    Spec lost = pki.ca_spec();  // fits, and leads nowhere
    lost.issuer = "Nobody";
    const Certificate root = make(pki.root_spec());
    // in any order of the helpers
    for (int turn = 0; turn < 3; ++turn) {
        std::vector<Certificate> helpers{make(expired), make(bad), make(lost)};
        std::rotate(helpers.begin(), helpers.begin() + turn, helpers.end());
        CHECK(best_error(user, {root}, helpers).code == ErrorCode::CertExpired);
    }
}

TEST_CASE("within a path: signatures, form and dates, lengths, names, policies, uses") {
    // Each step adds a defect that is reported before those that are there already.
    const Pki pki;
    Spec root = pki.root_spec();
    Spec ca = pki.ca_spec();
    Spec user = pki.user_spec();
    PathPolicy policy;
    const auto code = [&] { return best_error(make(user), {make(root)}, {make(ca)}, policy).code; };
    user.extensions[1].value = "critical,keyEncipherment";
    CHECK(code() == ErrorCode::KeyUsageWrong);
    user.extensions[2].value = "serverAuth";
    CHECK(code() == ErrorCode::EkuWrong);
    policy.require_explicit_policy = true;
    CHECK(code() == ErrorCode::PolicyNotAllowed);
    ca.extensions.push_back({NID_name_constraints, "critical,excluded;email:example.com"});
    CHECK(code() == ErrorCode::NameConstraint);
    root.extensions[0].value = "critical,CA:TRUE,pathlen:0";
    CHECK(code() == ErrorCode::PathTooLong);
    user.to = kNow - 1;
    CHECK(code() == ErrorCode::CertExpired);
    ca.from = kNow + 1;  // from the anchor down
    CHECK(code() == ErrorCode::CertNotYetValid);
    root.extensions.push_back({NID_netscape_comment, "critical,hello"});
    CHECK(code() == ErrorCode::CriticalExtension);
    user.digest = EVP_sha1();
    CHECK(code() == ErrorCode::WeakSignature);
}

TEST_CASE("a search that was given up is reported before a bad signature and a missing issuer") {
    const Pki pki;
    PathPolicy tight;
    tight.max_depth = 2;
    const auto other_key = make_key("p256");
    Spec bad = pki.ca_spec();
    bad.key = other_key.get();
    const Certificate root = make(pki.root_spec());
    CHECK(best_error(make(pki.user_spec()), {root}, {make(bad), make(pki.ca_spec())}, tight).code ==
          ErrorCode::PathTooLong);
}

TEST_CASE("a bad signature by the named issuer is reported before a missing issuer") {
    const Pki pki;
    const auto other_key = make_key("p256");
    Spec bad = pki.ca_spec();
    bad.key = other_key.get();
    Spec lost = pki.ca_spec();
    lost.issuer = "Nobody";
    const Certificate root = make(pki.root_spec());
    CHECK(best_error(make(pki.user_spec()), {root}, {make(lost), make(bad)}).code ==
          ErrorCode::CertSignatureBad);
}

TEST_CASE("a candidate with another key id is a re-keyed CA: the issuer is missing") {
    const Pki pki;
    const auto new_key = make_key("p256");
    Spec rekeyed = pki.ca_spec();
    rekeyed.key = new_key.get();
    rekeyed.extensions.push_back(kKeyId);
    Spec user = pki.user_spec();
    user.extensions.push_back({NID_authority_key_identifier, "DER:30:06:80:04:01:02:03:04"});
    const Error e = best_error(make(user), {make(pki.root_spec())}, {make(rekeyed)});
    CHECK(e.code == ErrorCode::IssuerMissing);
    CHECK(has(e.detail, "key id 01020304"));
}

TEST_CASE("a missing issuer is named by subject, key id and the URLs where it can be had") {
    const Pki pki;
    Spec user = pki.user_spec();
    user.extensions.push_back({NID_authority_key_identifier, "DER:30:06:80:04:0a:0b:0c:0d"});
    user.extensions.push_back(
        {NID_info_access,
         "OCSP;URI:http://o/,caIssuers;URI:http://pki.example.com/ca.cer,caIssuers;URI:ldap://x/"});
    const Certificate leaf = make(user);
    const Error e = best_error(leaf, {make(pki.root_spec())}, {});
    CHECK(e.code == ErrorCode::IssuerMissing);
    CHECK(has(e.detail, "CN=Alice"));
    CHECK(has(e.detail, leaf.sha256_hex()));
    CHECK(has(e.detail, ": CN=CA"));
    CHECK(has(e.detail, "key id 0a0b0c0d"));
    CHECK(has(e.detail, "http://pki.example.com/ca.cer"));
    CHECK_FALSE(has(e.detail, "http://o/"));
}

TEST_CASE("every error of a path names the certificate") {
    const Pki pki;
    Spec ca = pki.ca_spec();
    ca.to = kNow - 1;
    const Certificate expired = make(ca);
    const Error e = best_error(make(pki.user_spec()), {make(pki.root_spec())}, {expired});
    CHECK(has(e.detail, "CN=CA"));
    CHECK(has(e.detail, expired.sha256_hex()));
}

TEST_CASE("missing_issuer_urls: of certificates without an issuer, and of no others") {
    const Pki pki;
    Spec user = pki.user_spec();
    user.extensions.push_back({NID_info_access, "caIssuers;URI:http://a/ca.cer"});
    Spec ca = pki.ca_spec();
    ca.extensions.push_back({NID_info_access, "caIssuers;URI:http://a/root.cer"});
    const Certificate leaf = make(user);
    TrustStore empty;
    CHECK(missing_issuer_urls(leaf, empty, {}) == std::vector<std::string>{"http://a/ca.cer"});
    CHECK(missing_issuer_urls(leaf, empty, {make(ca)}) ==
          std::vector<std::string>{"http://a/root.cer"});
    TrustStore store;
    store.add_anchor(make(pki.root_spec()));
    CHECK(missing_issuer_urls(leaf, store, {make(ca)}).empty());
    store.add_intermediate(make(ca));
    CHECK(missing_issuer_urls(leaf, store, {}).empty());
}

TEST_CASE("missing_issuer_urls are few, and each is there once") {
    const Pki pki;
    std::string many;
    for (int i = 0; i < 20; ++i) {
        many += "caIssuers;URI:http://a/" + std::to_string(i / 2) + ",";
    }
    many.pop_back();
    Spec user = pki.user_spec();
    user.extensions.push_back({NID_info_access, many});
    const auto urls = missing_issuer_urls(make(user), TrustStore(), {});
    REQUIRE(urls.size() == 8);
    CHECK(urls.back() == "http://a/7");
}
