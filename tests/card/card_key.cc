#include "tests/card/card_key.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "pki/base/file.h"

namespace piv::vcard {

namespace {

constexpr std::size_t kMaxFile = 256 * 1024;

struct BioDeleter {
    void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
struct ContextDeleter {
    void operator()(EVP_PKEY_CTX* context) const noexcept { EVP_PKEY_CTX_free(context); }
};
using Bio = std::unique_ptr<BIO, BioDeleter>;
using Context = std::unique_ptr<EVP_PKEY_CTX, ContextDeleter>;
using Key = std::unique_ptr<EVP_PKEY, KeyDeleter>;

Bio bio_of(const Bytes& bytes) {
    return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

bool algorithm_of(EVP_PKEY* key, Algorithm& out) noexcept {
    const int bits = EVP_PKEY_bits(key);
    switch (EVP_PKEY_base_id(key)) {
        case EVP_PKEY_RSA:
            out = bits == 3072 ? Algorithm::Rsa3072 : Algorithm::Rsa2048;
            return bits == 2048 || bits == 3072;
        case EVP_PKEY_EC:
            out = bits == 384 ? Algorithm::EcP384 : Algorithm::EcP256;
            return bits == 256 || bits == 384;
        default:
            return false;
    }
}

}  // namespace

Result<CardKey> CardKey::load(const std::string& path) {
    Result<Bytes> file = read_file(path, kMaxFile);
    if (!file) {
        return std::move(file).error();
    }
    const Bio pem = bio_of(*file);
    Key key(PEM_read_bio_PrivateKey(pem.get(), nullptr, nullptr, nullptr));
    if (!key) {
        const Bio der = bio_of(*file);
        key.reset(d2i_PrivateKey_bio(der.get(), nullptr));
    }
    Algorithm algorithm = Algorithm::Rsa2048;
    if (!key || !algorithm_of(key.get(), algorithm)) {
        return Error(ErrorCode::ImageInput,
                     path + ": not a private key of RSA 2048 or 3072, P-256 or P-384");
    }
    return CardKey(std::move(key), algorithm);
}

Bytes CardKey::sign(ByteView input) const {
    const Context context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    if (!context || EVP_PKEY_sign_init(context.get()) != 1) {
        return {};
    }
    const auto length = static_cast<std::size_t>((EVP_PKEY_bits(key_.get()) + 7) / 8);
    if (is_rsa()) {
        if (input.size() != length ||
            EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1) {
            return {};
        }
    } else if (input.empty() || input.size() > length) {
        return {};
    }
    Bytes out(static_cast<std::size_t>(EVP_PKEY_size(key_.get())));
    std::size_t size = out.size();
    if (EVP_PKEY_sign(context.get(), out.data(), &size, input.data(), input.size()) != 1) {
        return {};
    }
    out.resize(size);
    return out;
}

Bytes CardKey::agree(ByteView point) const {
    const Key peer(EVP_PKEY_new());
    if (is_rsa() || !peer || EVP_PKEY_copy_parameters(peer.get(), key_.get()) != 1 ||
        EVP_PKEY_set1_tls_encodedpoint(peer.get(), point.data(), point.size()) != 1) {
        return {};
    }
    const Context context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    std::size_t size = 0;
    if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
        EVP_PKEY_derive(context.get(), nullptr, &size) != 1) {
        return {};
    }
    Bytes out(size);
    if (EVP_PKEY_derive(context.get(), out.data(), &size) != 1) {
        return {};
    }
    out.resize(size);
    return out;
}

Result<Bytes> load_certificate(const std::string& path) {
    Result<Bytes> file = read_file(path, kMaxFile);
    if (!file) {
        return file;
    }
    const Bio pem = bio_of(*file);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr), &X509_free);
    if (!certificate) {
        return file;
    }
    std::uint8_t* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    if (size <= 0) {
        return Error(ErrorCode::ImageInput, path + ": the certificate cannot be encoded");
    }
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

}  // namespace piv::vcard
