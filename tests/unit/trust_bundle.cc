// Signed bundles: only the given signer, never backwards.
#include "pki/trust/trust_bundle.h"

#include "tests/unit/trust_maker.h"

namespace {

using namespace piv;
using namespace piv::test;

struct Signer {
    OpenSslPtr<EVP_PKEY> key = make_key("p256");
    Certificate certificate;
    Bytes pem;
    explicit Signer(UnixTime to = kNow + 100 * kDay) : certificate(make_certificate(to)) {
        const OpenSslPtr<BIO> out(BIO_new(BIO_s_mem()));
        REQUIRE(PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                         nullptr) == 1);
        const unsigned char* data = nullptr;
        const long size = BIO_get_mem_data(out.get(), &data);
        pem.assign(data, data + size);
    }
    [[nodiscard]] Certificate make_certificate(UnixTime to) const {
        Spec spec{"Fleet", "Fleet", key.get(), key.get(), {}};
        spec.to = to;
        return make(spec);
    }
};

}  // namespace

TEST_CASE("a bundle comes out as it went in") {
    const Chain chain;
    const Signer signer;
    const TrustInventory source = chain.inventory(TrustState::Retired, TrustState::Next);
    const auto der = create_bundle(source, 7, kNow, signer.certificate, signer.pem);
    REQUIRE(der.ok());
    const auto bundle = open_bundle(*der, signer.certificate, kNow);
    REQUIRE(bundle.ok());
    CHECK(bundle->sequence == 7);
    CHECK(bundle->created == kNow);
    REQUIRE(bundle->certificates.size() == 3);
    CHECK(bundle->certificates[1].second == TrustState::Retired);
    CHECK(read_applied(*der)->sequence == 7);
    const auto change = apply_bundle(TrustInventory{}, *bundle, std::nullopt, kNow);
    REQUIRE(change.ok());
    CHECK(change->after.entries.size() == 2);  // a retired one that is not there is not added
}

TEST_CASE("any changed octet, another signer, another time: refused") {
    const Chain chain;
    const Signer signer;
    const Signer other;
    const TrustInventory source = chain.inventory(TrustState::Active, TrustState::Next);
    const Bytes der = *create_bundle(source, 7, kNow, signer.certificate, signer.pem);
    CHECK(open_bundle(der, other.certificate, kNow).code() == ErrorCode::BundleRefused);
    CHECK(open_bundle(der, signer.certificate, kNow + 101 * kDay).code() ==
          ErrorCode::BundleRefused);
    CHECK(open_bundle(der, signer.certificate, kNow - 2 * kDay).code() == ErrorCode::BundleRefused);
    CHECK(create_bundle(source, 7, kNow, signer.certificate, other.pem).code() ==
          ErrorCode::TrustRefused);
    CHECK(create_bundle({}, 7, kNow, signer.certificate, signer.pem).code() ==
          ErrorCode::TrustRefused);
    Bytes longer = der;
    longer.push_back(0);
    CHECK_FALSE(open_bundle(longer, signer.certificate, kNow).ok());
    CHECK_FALSE(open_bundle({}, signer.certificate, kNow).ok());
    std::size_t accepted = 0;
    for (std::size_t i = 0; i < der.size(); i += 3) {
        Bytes changed = der;
        changed[i] ^= 0x01U;
        const auto bundle = open_bundle(changed, signer.certificate, kNow);
        // Octets outside of what is signed may change; then the content is the same.
        if (bundle.ok()) {
            ++accepted;
            CHECK(bundle->sequence == 7);
            CHECK(bundle->certificates.size() == 3);
        }
    }
    CHECK(accepted < der.size() / 60);
}

TEST_CASE("never backwards") {
    const Chain chain;
    const Signer signer;
    const TrustInventory source = chain.inventory(TrustState::Active, TrustState::Next);
    const auto bundle_of = [&](const TrustInventory& i, long long sequence) {
        return *open_bundle(*create_bundle(i, sequence, kNow, signer.certificate, signer.pem),
                            signer.certificate, kNow);
    };
    const TrustBundle seven = bundle_of(source, 7);
    const auto applied = apply_bundle(TrustInventory{}, seven, std::nullopt, kNow);
    REQUIRE(applied.ok());
    CHECK(apply_bundle(applied->after, bundle_of(source, 6), seven, kNow).code() ==
          ErrorCode::BundleRefused);
    const auto again = apply_bundle(applied->after, seven, seven, kNow);
    REQUIRE(again.ok());
    CHECK(again->done.empty());
    const TrustInventory changed = chain.inventory(TrustState::Retired, TrustState::Active);
    CHECK(apply_bundle(applied->after, bundle_of(changed, 7), seven, kNow).code() ==
          ErrorCode::BundleRefused);
    const auto later = apply_bundle(applied->after, bundle_of(changed, 8), seven, kNow + kDay);
    REQUIRE(later.ok());
    CHECK(later->done.size() == 2);
    // What is active here does not become next again because the sender is behind.
    const auto behind =
        apply_bundle(later->after, bundle_of(source, 9), bundle_of(changed, 8), kNow);
    REQUIRE(behind.ok());
    CHECK(behind->after.entries[*find_entry(behind->after, chain.new_ca.sha256_hex())].state ==
          TrustState::Active);
}

TEST_CASE("what the bundle lacks is retired, and still validates") {
    const Chain chain;
    TrustBundle bundle;
    bundle.sequence = 1;
    bundle.certificates = {{chain.root, TrustState::Active}, {chain.new_ca, TrustState::Active}};
    const auto change = apply_bundle(chain.inventory(TrustState::Active, TrustState::Next), bundle,
                                     std::nullopt, kNow);
    REQUIRE(change.ok());
    REQUIRE(change->after.entries.size() == 3);
    CHECK(change->after.entries[1].state == TrustState::Retired);
    bundle.certificates.push_back({chain.old_user, TrustState::Active});
    CHECK(apply_bundle({}, bundle, std::nullopt, kNow).code() == ErrorCode::TrustRefused);
}
