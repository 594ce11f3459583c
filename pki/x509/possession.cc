#include "pki/x509/possession.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/random.h>

#include <cerrno>

#include "pki/x509/openssl_ptr.h"
#include "pki/x509/signature.h"

namespace piv {

namespace {

// DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1)
const std::uint8_t sha256_prefix[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

const EVP_MD* digest_of(SignatureScheme scheme) {
    switch (scheme) {
        case SignatureScheme::EcdsaSha384:
            return EVP_sha384();
        case SignatureScheme::EcdsaSha512:
            return EVP_sha512();
        case SignatureScheme::RsaPkcs1Sha256:
        case SignatureScheme::EcdsaSha256:
            break;
    }
    return EVP_sha256();
}

// FIPS 140: then numbers come from the module's own generator.
bool only_approved_algorithms() noexcept {
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    return EVP_default_properties_is_fips_enabled(nullptr) == 1;
#else
    return FIPS_mode() != 0;
#endif
}

bool from_libcrypto(Bytes& out) {
    const bool made = RAND_bytes(out.data(), static_cast<int>(out.size())) == 1;
    ERR_clear_error();
    return made;
}

// As good, and for one number of a short-lived process far cheaper: libcrypto's generator first looks
// for a cipher among all that it has, and seeds itself with more than this from here.
bool from_kernel(Bytes& out) {
    for (;;) {
        const ssize_t got = getrandom(out.data(), out.size(), 0);
        if (got == static_cast<ssize_t>(out.size())) {
            return true;
        }
        if (got >= 0 || errno != EINTR) {
            return false;
        }
    }
}

// EMSA-PKCS1-v1_5: 00 01 FF..FF 00 DigestInfo
Bytes pkcs1_block(ByteView digest, std::size_t length) {
    const std::size_t tail = sizeof(sha256_prefix) + digest.size();
    Bytes block{0x00, 0x01};
    block.insert(block.end(), length - tail - 3, 0xFF);
    block.push_back(0x00);
    block.insert(block.end(), sha256_prefix, sha256_prefix + sizeof(sha256_prefix));
    block.insert(block.end(), digest.begin(), digest.end());
    return block;
}

}  // namespace

Result<Challenge> Challenge::make() {
    Bytes bytes(32);
    if (!(only_approved_algorithms() ? from_libcrypto(bytes) : from_kernel(bytes))) {
        return Error(ErrorCode::Internal, "the random generator failed");
    }
    return Challenge(std::move(bytes));
}

Result<SignatureScheme> scheme_for(const Certificate& certificate) {
    EVP_PKEY* key = certificate.public_key();
    if (Status s = check_key_strength(key, {}); !s) {
        return std::move(s).error();
    }
    if (EVP_PKEY_base_id(key) == EVP_PKEY_RSA) {
        return SignatureScheme::RsaPkcs1Sha256;
    }
    if (EVP_PKEY_base_id(key) == EVP_PKEY_EC) {
        switch (EVP_PKEY_bits(key)) {
            case 256:
                return SignatureScheme::EcdsaSha256;
            case 384:
                return SignatureScheme::EcdsaSha384;
            case 521:
                return SignatureScheme::EcdsaSha512;
            default:
                break;
        }
    }
    return Error(ErrorCode::WeakKey, certificate.key_description());
}

Result<Bytes> card_input(const Certificate& certificate, const Challenge& challenge) {
    Result<SignatureScheme> scheme = scheme_for(certificate);
    if (!scheme) {
        return std::move(scheme).error();
    }
    Bytes digest(EVP_MAX_MD_SIZE);
    unsigned length = 0;
    const ByteView input = challenge.bytes();
    if (EVP_Digest(input.data(), input.size(), digest.data(), &length, digest_of(*scheme),
                   nullptr) != 1) {
        return Error(ErrorCode::Internal, "the digest failed");
    }
    digest.resize(length);
    if (*scheme != SignatureScheme::RsaPkcs1Sha256) {
        return digest;
    }
    return pkcs1_block(digest, static_cast<std::size_t>(EVP_PKEY_size(certificate.public_key())));
}

Result<PossessionProof> verify_possession(const Certificate& certificate, Challenge challenge,
                                          ByteView signature) {
    Result<SignatureScheme> scheme = scheme_for(certificate);
    if (!scheme) {
        return std::move(scheme).error();
    }
    const ByteView data = challenge.bytes();
    EVP_PKEY* key = certificate.public_key();
    const bool rsa = *scheme == SignatureScheme::RsaPkcs1Sha256;
    const bool size_fits = !rsa || signature.size() == static_cast<std::size_t>(EVP_PKEY_size(key));
    const OpenSslPtr<EVP_MD_CTX> ctx(EVP_MD_CTX_new());
    const bool good =
        size_fits && data.size() == 32 && ctx != nullptr &&
        EVP_DigestVerifyInit(ctx.get(), nullptr, digest_of(*scheme), nullptr, key) == 1 &&
        EVP_DigestVerify(ctx.get(), signature.data(), signature.size(), data.data(), data.size()) ==
            1;
    ERR_clear_error();
    if (!good) {
        return Error(ErrorCode::KeyMismatch,
                     "certificate " + certificate.sha256_hex().substr(0, 16));
    }
    return PossessionProof(certificate);
}

}  // namespace piv
