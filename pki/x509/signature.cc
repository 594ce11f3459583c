#include "pki/x509/signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include <cstring>

#include "pki/x509/der.h"
#include "pki/x509/public_key.h"

namespace piv {

namespace {

constexpr std::size_t kPart = std::size_t{1} << 20U;

enum class Scheme { RsaPkcs1, RsaPss, Ecdsa, Dsa, EdDsa };
enum class Strength { Good, Sha1, Broken };

struct Algorithm {
    const char* id;
    Scheme scheme;
    const EVP_MD* (*digest)();
    Strength strength;
};

const Algorithm algorithms[] = {
    {"1.2.840.113549.1.1.11", Scheme::RsaPkcs1, EVP_sha256, Strength::Good},
    {"1.2.840.113549.1.1.12", Scheme::RsaPkcs1, EVP_sha384, Strength::Good},
    {"1.2.840.113549.1.1.13", Scheme::RsaPkcs1, EVP_sha512, Strength::Good},
    {"1.2.840.113549.1.1.14", Scheme::RsaPkcs1, EVP_sha224, Strength::Good},
    {"1.2.840.113549.1.1.5", Scheme::RsaPkcs1, EVP_sha1, Strength::Sha1},
    {"1.2.840.113549.1.1.10", Scheme::RsaPss, nullptr, Strength::Good},
    {"1.2.840.10045.4.3.2", Scheme::Ecdsa, EVP_sha256, Strength::Good},
    {"1.2.840.10045.4.3.3", Scheme::Ecdsa, EVP_sha384, Strength::Good},
    {"1.2.840.10045.4.3.4", Scheme::Ecdsa, EVP_sha512, Strength::Good},
    {"1.2.840.10045.4.3.1", Scheme::Ecdsa, EVP_sha224, Strength::Good},
    {"1.2.840.10045.4.1", Scheme::Ecdsa, EVP_sha1, Strength::Sha1},
    {"2.16.840.1.101.3.4.3.2", Scheme::Dsa, EVP_sha256, Strength::Good},
    {"2.16.840.1.101.3.4.3.1", Scheme::Dsa, EVP_sha224, Strength::Good},
    {"1.2.840.10040.4.3", Scheme::Dsa, EVP_sha1, Strength::Sha1},
    {"1.3.101.112", Scheme::EdDsa, nullptr, Strength::Good},
    {"1.3.101.113", Scheme::EdDsa, nullptr, Strength::Good},
    {"1.2.840.113549.1.1.2", Scheme::RsaPkcs1, nullptr, Strength::Broken},  // MD2
    {"1.2.840.113549.1.1.3", Scheme::RsaPkcs1, nullptr, Strength::Broken},  // MD4
    {"1.2.840.113549.1.1.4", Scheme::RsaPkcs1, nullptr, Strength::Broken},  // MD5
};

struct DigestName {
    const char* id;
    const EVP_MD* (*digest)();
};
const DigestName digests[] = {
    {"2.16.840.1.101.3.4.2.1", EVP_sha256},
    {"2.16.840.1.101.3.4.2.2", EVP_sha384},
    {"2.16.840.1.101.3.4.2.3", EVP_sha512},
    {"2.16.840.1.101.3.4.2.4", EVP_sha224},
    {"1.3.14.3.2.26", EVP_sha1},
};

const Algorithm* find_algorithm(const std::string& id) {
    for (const Algorithm& a : algorithms) {
        if (id == a.id) {
            return &a;
        }
    }
    return nullptr;
}

bool read_algorithm(ByteView whole, std::string& id, ByteView& parameters) {
    ByteView contents;
    ByteView oid;
    if (!der::only(whole, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    if (!reader.read(der::kOid, oid)) {
        return false;
    }
    parameters = reader.rest();
    der::Element ignored;
    if (!reader.at_end() && (!reader.any(ignored) || !reader.at_end())) {
        return false;
    }
    id = der::oid_text(oid);
    return !id.empty();
}

// RFC 4055 section 5, RFC 5758: NULL or absent for PKCS#1 v1.5, absent for the others.
bool parameters_fit(Scheme scheme, ByteView parameters) {
    static const std::uint8_t null[] = {0x05, 0x00};
    if (parameters.empty()) {
        return scheme != Scheme::RsaPss;
    }
    if (scheme == Scheme::RsaPss) {
        return true;
    }
    return scheme == Scheme::RsaPkcs1 && parameters == ByteView(null, 2);
}

struct PssParameters {
    const EVP_MD* digest = nullptr;
    const EVP_MD* mask_digest = nullptr;
    std::uint32_t salt = 20;
};

bool read_digest(ByteView whole, const EVP_MD*& out) {
    std::string id;
    ByteView parameters;
    if (!read_algorithm(whole, id, parameters)) {
        return false;
    }
    for (const DigestName& d : digests) {
        if (id == d.id) {
            out = d.digest();
            return true;
        }
    }
    return false;
}

bool read_mask(ByteView whole, const EVP_MD*& out) {
    std::string id;
    ByteView parameters;
    return read_algorithm(whole, id, parameters) && id == "1.2.840.113549.1.1.8" &&
           read_digest(parameters, out);
}

// RSASSA-PSS-params (RFC 4055 section 3.1): all defaults are SHA-1.
bool read_pss(ByteView whole, PssParameters& out) {
    out.digest = EVP_sha1();
    out.mask_digest = EVP_sha1();
    ByteView contents;
    ByteView hash;
    ByteView mask;
    ByteView salt;
    ByteView trailer;
    bool has[4] = {};
    if (!der::only(whole, der::kSequence, contents)) {
        return false;
    }
    der::Reader reader(contents);
    if (!reader.optional(der::context_constructed(0), hash, has[0]) ||
        !reader.optional(der::context_constructed(1), mask, has[1]) ||
        !reader.optional(der::context_constructed(2), salt, has[2]) ||
        !reader.optional(der::context_constructed(3), trailer, has[3]) || !reader.at_end()) {
        return false;
    }
    ByteView number;
    std::uint32_t trailer_value = 1;
    return (!has[0] || read_digest(hash, out.digest)) &&
           (!has[1] || read_mask(mask, out.mask_digest)) &&
           (!has[2] || (der::only(salt, der::kInteger, number) &&
                        der::small_unsigned(number, out.salt) && out.salt <= 512)) &&
           (!has[3] || (der::only(trailer, der::kInteger, number) &&
                        der::small_unsigned(number, trailer_value) && trailer_value == 1));
}

struct Resolved {
    Scheme scheme = Scheme::RsaPkcs1;
    const EVP_MD* digest = nullptr;
    PssParameters pss;
};

Result<Resolved> resolve(ByteView algorithm, const SignaturePolicy& policy) {
    std::string id;
    ByteView parameters;
    if (!read_algorithm(algorithm, id, parameters)) {
        return Error(ErrorCode::CertSignatureBad, "malformed signature algorithm");
    }
    const Algorithm* known = find_algorithm(id);
    if (known == nullptr) {
        return Error(ErrorCode::CertSignatureBad, "unknown signature algorithm " + id);
    }
    if (known->strength == Strength::Broken) {
        return Error(ErrorCode::WeakSignature, "signature algorithm " + id);
    }
    if (!parameters_fit(known->scheme, parameters)) {
        return Error(ErrorCode::CertSignatureBad, "parameters of signature algorithm " + id);
    }
    Resolved out;
    out.scheme = known->scheme;
    out.digest = known->digest != nullptr ? known->digest() : nullptr;
    bool sha1 = known->strength == Strength::Sha1;
    if (out.scheme == Scheme::RsaPss) {
        if (!read_pss(parameters, out.pss)) {
            return Error(ErrorCode::CertSignatureBad, "malformed RSASSA-PSS parameters");
        }
        out.digest = out.pss.digest;
        sha1 = EVP_MD_type(out.digest) == NID_sha1 || EVP_MD_type(out.pss.mask_digest) == NID_sha1;
    }
    const bool allowed =
        policy.insecurely_allow_sha1 || (out.scheme == Scheme::Dsa && policy.insecurely_allow_dsa);
    if (sha1 && !allowed) {
        return Error(ErrorCode::WeakSignature, "SHA-1 signature (" + id + ")");
    }
    return out;
}

bool key_fits(Scheme scheme, int type) {
    switch (scheme) {
        case Scheme::RsaPkcs1:
            return type == EVP_PKEY_RSA;
        case Scheme::RsaPss:
            return type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS;
        case Scheme::Ecdsa:
            return type == EVP_PKEY_EC;
        case Scheme::Dsa:
            return type == EVP_PKEY_DSA;
        case Scheme::EdDsa:
            return type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448;
    }
    return false;
}

bool configure_pss(EVP_PKEY_CTX* ctx, const PssParameters& pss) {
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, static_cast<int>(pss.salt)) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, pss.mask_digest) > 0;
}

}  // namespace

Status check_key_strength(EVP_PKEY* key, const SignaturePolicy& policy) {
    if (key == nullptr) {
        return Error(ErrorCode::WeakKey, "a key that cannot be read or is of an unknown kind");
    }
    bool good = false;
    switch (EVP_PKEY_base_id(key)) {
        case EVP_PKEY_RSA:
        case EVP_PKEY_RSA_PSS:
            good = EVP_PKEY_bits(key) >= policy.min_rsa_bits;
            break;
        case EVP_PKEY_EC:
            good = names_known_curve(key);
            break;
        case EVP_PKEY_ED25519:
        case EVP_PKEY_ED448:
            good = true;
            break;
        case EVP_PKEY_DSA:
            good = policy.insecurely_allow_dsa && EVP_PKEY_bits(key) >= 1024;
            break;
        default:
            break;
    }
    return good ? Status() : Error(ErrorCode::WeakKey, describe_key(key));
}

Status check_signature_algorithm(ByteView algorithm, const SignaturePolicy& policy) {
    Result<Resolved> resolved = resolve(algorithm, policy);
    return resolved ? Status() : Status(std::move(resolved).error());
}

Status verify_signature(ByteView data, ByteView algorithm, ByteView signature, EVP_PKEY* key,
                        const SignaturePolicy& policy, void (*used)(ByteView)) {
    Result<Resolved> resolved = resolve(algorithm, policy);
    if (!resolved) {
        return std::move(resolved).error();
    }
    if (key == nullptr || !key_fits(resolved->scheme, EVP_PKEY_base_id(key))) {
        return Error(ErrorCode::CertSignatureBad, "the issuer's key is of another kind");
    }
    const OpenSslPtr<EVP_MD_CTX> ctx(EVP_MD_CTX_new());
    EVP_PKEY_CTX* key_ctx = nullptr;  // owned by ctx
    bool good = ctx != nullptr &&
                EVP_DigestVerifyInit(ctx.get(), &key_ctx, resolved->digest, nullptr, key) == 1;
    if (good && resolved->scheme == Scheme::RsaPss) {
        good = configure_pss(key_ctx, resolved->pss);
    }
    if (used == nullptr || resolved->digest == nullptr) {
        good = good && EVP_DigestVerify(ctx.get(), signature.data(), signature.size(), data.data(),
                                        data.size()) == 1;
    } else {
        for (ByteView rest = data; good && !rest.empty(); rest = rest.sub(kPart)) {
            const ByteView part = rest.sub(0, kPart);
            good = EVP_DigestVerifyUpdate(ctx.get(), part.data(), part.size()) == 1;
            used(part);
        }
        good = good && EVP_DigestVerifyFinal(ctx.get(), signature.data(), signature.size()) == 1;
    }
    ERR_clear_error();
    return good ? Status() : Error(ErrorCode::CertSignatureBad, "");
}

}  // namespace piv
