// Public keys: the plain ones are given to libcrypto as numbers, all others go to its decoder; both
// must say the same.
#include "pki/x509/public_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <catch2/catch.hpp>
#include <functional>

using namespace piv;

namespace {

OpenSslPtr<EVP_PKEY> generate(int type, const std::function<int(EVP_PKEY_CTX*)>& configure) {
    const OpenSslPtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new_id(type, nullptr));
    EVP_PKEY* key = nullptr;
    REQUIRE(EVP_PKEY_keygen_init(ctx.get()) == 1);
    REQUIRE(configure(ctx.get()) > 0);
    REQUIRE(EVP_PKEY_keygen(ctx.get(), &key) == 1);
    return OpenSslPtr<EVP_PKEY>(key);
}

OpenSslPtr<EVP_PKEY> rsa(int bits) {
    return generate(EVP_PKEY_RSA, [bits](EVP_PKEY_CTX* ctx) {
        return EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits);
    });
}

OpenSslPtr<EVP_PKEY> ec(int curve, int encoding = OPENSSL_EC_NAMED_CURVE) {
    return generate(EVP_PKEY_EC, [=](EVP_PKEY_CTX* ctx) {
        return EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, curve) > 0
                   ? EVP_PKEY_CTX_set_ec_param_enc(ctx, encoding)
                   : 0;
    });
}

Bytes encode(EVP_PKEY* key) {
    std::uint8_t* der = nullptr;
    const int length = i2d_PUBKEY(key, &der);
    REQUIRE(length > 0);
    Bytes out(der, der + length);
    OPENSSL_free(der);
    return out;
}

// What libcrypto's own decoder makes of it; empty: nothing.
Bytes by_libcrypto(const Bytes& spki) {
    const std::uint8_t* p = spki.data();
    const OpenSslPtr<EVP_PKEY> key(d2i_PUBKEY(nullptr, &p, static_cast<long>(spki.size())));
    ERR_clear_error();
    return key != nullptr && p == spki.data() + spki.size() ? encode(key.get()) : Bytes();
}

Bytes by_us(const Bytes& spki) {
    const SharedKey key = decode_public_key(spki, nullptr);
    return key != nullptr ? encode(key.get()) : Bytes();
}

}  // namespace

TEST_CASE("public keys of every plain kind are what libcrypto's decoder makes of them", "[x509]") {
    for (const int bits : {1024, 2048, 3072}) {
        const Bytes spki = encode(rsa(bits).get());
        CHECK(by_us(spki) == spki);
        CHECK(describe_key(decode_public_key(spki, nullptr).get()) ==
              "RSA " + std::to_string(bits));
    }
    const std::pair<int, const char*> curves[] = {
        {NID_X9_62_prime256v1, "P-256"}, {NID_secp384r1, "P-384"}, {NID_secp521r1, "P-521"}};
    for (const auto& [curve, name] : curves) {
        const Bytes spki = encode(ec(curve).get());
        const SharedKey key = decode_public_key(spki, nullptr);
        CHECK(by_us(spki) == spki);
        CHECK(names_known_curve(key.get()));
        CHECK(describe_key(key.get()) == name);
    }
}

TEST_CASE("curves that are unknown or spelt out are not known ones", "[x509]") {
    const Bytes other = encode(ec(NID_secp256k1).get());
    CHECK(by_us(other) == other);
    CHECK_FALSE(names_known_curve(decode_public_key(other, nullptr).get()));
    const Bytes spelt_out = encode(ec(NID_X9_62_prime256v1, OPENSSL_EC_EXPLICIT_CURVE).get());
    const SharedKey key = decode_public_key(spelt_out, nullptr);
    if (key != nullptr) {
        CHECK_FALSE(names_known_curve(key.get()));
    }
}

TEST_CASE("a damaged key is to us what it is to libcrypto's decoder", "[x509]") {
    const OpenSslPtr<EVP_PKEY> keys[] = {rsa(1024), ec(NID_X9_62_prime256v1)};
    for (const auto& original : keys) {
        const Bytes spki = encode(original.get());
        int accepted = 0;
        for (std::size_t i = 0; i < spki.size(); ++i) {
            for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
                Bytes damaged = spki;
                damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ flip);
                const Bytes ours = by_us(damaged);
                INFO("octet " << i << " flipped by " << flip);
                // Ours may be stricter about DER, and never takes what the decoder does not.
                CHECK((ours.empty() || ours == by_libcrypto(damaged)));
                accepted += ours.empty() ? 0 : 1;
            }
            Bytes shorter(spki.begin(), spki.begin() + static_cast<std::ptrdiff_t>(i));
            CHECK(by_us(shorter).empty());
        }
        // A point that is flipped is off the curve; a modulus is any number.
        if (EVP_PKEY_base_id(original.get()) == EVP_PKEY_RSA) {
            CHECK(accepted > 100);
        }
        Bytes longer = spki;
        longer.push_back(0);
        CHECK(by_us(longer).empty());
    }
}
