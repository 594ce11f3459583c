#include "pki/x509/public_key.h"

#include <openssl/err.h>
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#endif

#include <cstring>

#include "pki/x509/der.h"

namespace piv {

namespace {

const char* curve_name(int nid) {
    switch (nid) {
        case NID_X9_62_prime256v1:
            return "P-256";
        case NID_secp384r1:
            return "P-384";
        case NID_secp521r1:
            return "P-521";
        default:
            return nullptr;
    }
}

// The curve that an EC key names; NID_undef for one that spells out its parameters.
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
int curve_of(EVP_PKEY* key) {
    char encoding[32] = {};
    char group[64] = {};
    const bool named = EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, encoding,
                                                      sizeof encoding, nullptr) == 1 &&
                       std::strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP) == 0 &&
                       EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group,
                                                      sizeof group, nullptr) == 1;
    ERR_clear_error();
    return named ? OBJ_txt2nid(group) : NID_undef;
}
#else
// From its SubjectPublicKeyInfo.
int curve_of(EVP_PKEY* key) {
    std::uint8_t* der = nullptr;
    const int length = i2d_PUBKEY(key, &der);
    if (length <= 0) {
        return NID_undef;
    }
    const ByteView spki(der, static_cast<std::size_t>(length));
    int nid = NID_undef;
    ByteView contents;
    ByteView algorithm;
    ByteView oid;
    if (der::only(spki, der::kSequence, contents)) {
        der::Reader outer(contents);
        if (outer.read(der::kSequence, algorithm)) {
            der::Reader inner(algorithm);
            if (inner.read(der::kOid, oid) && inner.read(der::kOid, oid)) {
                const std::string text = der::oid_text(oid);
                nid = OBJ_txt2nid(text.c_str());
            }
        }
    }
    OPENSSL_free(der);
    return nid;
}
#endif

// The parameters of a key's AlgorithmIdentifier, with the identifier itself.
bool spki_parts(ByteView spki, std::string& id, ByteView& oid_whole, ByteView& parameters,
                ByteView& key_whole) {
    ByteView contents;
    der::Element algorithm;
    der::Element key;
    der::Element oid;
    if (!der::only(spki, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    if (!reader.element(der::kSequence, algorithm) || !reader.element(der::kBitString, key) ||
        !reader.at_end()) {
        return false;
    }
    der::Reader inner(algorithm.value);
    if (!inner.element(der::kOid, oid)) {
        return false;
    }
    id = der::oid_text(oid.value);
    oid_whole = oid.whole;
    parameters = inner.rest();
    key_whole = key.whole;
    return true;
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
struct ParamsDeleter {
    void operator()(OSSL_PARAM_BLD* builder) const noexcept { OSSL_PARAM_BLD_free(builder); }
    void operator()(OSSL_PARAM* params) const noexcept { OSSL_PARAM_free(params); }
};
using ParamsBuilder = std::unique_ptr<OSSL_PARAM_BLD, ParamsDeleter>;

SharedKey key_of(const char* kind, OSSL_PARAM_BLD* builder) {
    const std::unique_ptr<OSSL_PARAM, ParamsDeleter> params(OSSL_PARAM_BLD_to_param(builder));
    const OpenSslPtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
    EVP_PKEY* key = nullptr;
    const bool made = params != nullptr && ctx != nullptr &&
                      EVP_PKEY_fromdata_init(ctx.get()) == 1 &&
                      EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) == 1;
    ERR_clear_error();
    return made ? SharedKey(key, EVP_PKEY_free) : nullptr;
}

// RFC 8017 appendix A.1.1: RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }
SharedKey rsa_key(ByteView bits) {
    ByteView contents;
    ByteView modulus;
    ByteView exponent;
    if (!der::only(bits, der::kSequence, contents)) {
        return nullptr;
    }
    der::Reader reader(contents);
    const auto positive = [&reader](ByteView& out) {
        return reader.read(der::kInteger, out) && der::integer_is_valid(out) && out[0] < 0x80U;
    };
    if (!positive(modulus) || !positive(exponent) || !reader.at_end()) {
        return nullptr;
    }
    const auto number = [](ByteView octets) {
        return OpenSslPtr<BIGNUM>(
            BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
    };
    const OpenSslPtr<BIGNUM> n = number(modulus);
    const OpenSslPtr<BIGNUM> e = number(exponent);
    const ParamsBuilder builder(OSSL_PARAM_BLD_new());
    if (n == nullptr || e == nullptr || builder == nullptr ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return nullptr;
    }
    return key_of("RSA", builder.get());
}

// RFC 5480 section 2.2: the BIT STRING holds the ECPoint itself, here in uncompressed form.
SharedKey ec_key(const std::string& curve, ByteView point) {
    const int nid = OBJ_txt2nid(curve.c_str());
    const ParamsBuilder builder(OSSL_PARAM_BLD_new());
    if (curve_name(nid) == nullptr || point.empty() || point[0] != 0x04 || builder == nullptr ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(nid),
                                        0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1) {
        return nullptr;
    }
    return key_of("EC", builder.get());
}

// The keys that nearly all certificates have, given to libcrypto as numbers: its general decoder
// tries every form and kind that it knows, and finding those costs more than a signature. nullptr for
// others, also for such a key in a form that is not plain: the general decoder judges those.
SharedKey plain_key(ByteView spki) {
    static constexpr char kRsa[] = "1.2.840.113549.1.1.1";
    static constexpr char kEc[] = "1.2.840.10045.2.1";
    std::string id;
    ByteView oid;
    ByteView parameters;
    ByteView key_whole;
    ByteView contents;
    ByteView bits;
    unsigned unused = 0;
    if (!spki_parts(spki, id, oid, parameters, key_whole) ||
        !der::only(key_whole, der::kBitString, contents) ||
        !der::bit_string(contents, bits, unused) || unused != 0) {
        return nullptr;
    }
    ByteView value;
    if (id == kRsa && der::only(parameters, der::kNull, value) && value.empty()) {
        return rsa_key(bits);
    }
    if (id == kEc && der::only(parameters, der::kOid, value)) {
        return ec_key(der::oid_text(value), bits);
    }
    return nullptr;
}
#else
// The general decoder of 1.1.1 looks for one kind only.
SharedKey plain_key(ByteView /*spki*/) {
    return nullptr;
}
#endif

SharedKey parse_key(ByteView spki) {
    if (SharedKey plain = plain_key(spki); plain != nullptr) {
        return plain;
    }
    const std::uint8_t* p = spki.data();
    EVP_PKEY* key = d2i_PUBKEY(nullptr, &p, static_cast<long>(spki.size()));
    ERR_clear_error();
    if (key != nullptr && p != spki.data() + spki.size()) {
        EVP_PKEY_free(key);
        key = nullptr;
    }
    return key == nullptr ? nullptr : SharedKey(key, EVP_PKEY_free);
}

}  // namespace

SharedKey decode_public_key(ByteView spki, EVP_PKEY* issuer_key) {
    static constexpr char kDsa[] = "1.2.840.10040.4.1";
    static const std::uint8_t null[] = {0x05, 0x00};
    std::string id;
    ByteView oid;
    ByteView parameters;
    ByteView key;
    if (!spki_parts(spki, id, oid, parameters, key)) {
        return nullptr;
    }
    const bool inherits = id == kDsa && (parameters.empty() || parameters == ByteView(null, 2));
    if (!inherits) {
        return parse_key(spki);
    }
    if (issuer_key == nullptr || EVP_PKEY_base_id(issuer_key) != EVP_PKEY_DSA) {
        return nullptr;
    }
    std::uint8_t* issuer_der = nullptr;
    const int length = i2d_PUBKEY(issuer_key, &issuer_der);
    if (length <= 0) {
        return nullptr;
    }
    const Bytes issuer(issuer_der, issuer_der + length);
    OPENSSL_free(issuer_der);
    std::string issuer_id;
    ByteView ignored_oid;
    ByteView inherited;
    ByteView ignored_key;
    if (!spki_parts(issuer, issuer_id, ignored_oid, inherited, ignored_key)) {
        return nullptr;
    }
    Bytes algorithm = oid.copy();
    der::append(algorithm, inherited);
    Bytes whole = der::encode(der::kSequence, algorithm);
    der::append(whole, key);
    return parse_key(der::encode(der::kSequence, whole));
}

bool names_known_curve(EVP_PKEY* key) {
    return curve_name(curve_of(key)) != nullptr;
}

std::string describe_key(EVP_PKEY* key) {
    if (key == nullptr) {
        return "unusable key";
    }
    const int type = EVP_PKEY_base_id(key);
    const std::string bits = std::to_string(EVP_PKEY_bits(key));
    switch (type) {
        case EVP_PKEY_RSA:
            return "RSA " + bits;
        case EVP_PKEY_RSA_PSS:
            return "RSA-PSS " + bits;
        case EVP_PKEY_DSA:
            return "DSA " + bits;
        case EVP_PKEY_ED25519:
            return "Ed25519";
        case EVP_PKEY_ED448:
            return "Ed448";
        case EVP_PKEY_EC: {
            const char* name = curve_name(curve_of(key));
            return name != nullptr ? std::string(name) : "EC " + bits;
        }
        default:
            return "key of type " + std::to_string(type);
    }
}

}  // namespace piv
