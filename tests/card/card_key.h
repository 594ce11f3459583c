// Private keys on the virtual card, and what GENERAL AUTHENTICATE does with them.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "pki/base/bytes.h"
#include "pki/base/result.h"

namespace piv::vcard {

/// Cryptographic algorithm identifiers, SP 800-78-4 table 6-2.
enum class Algorithm : std::uint8_t {
    Rsa3072 = 0x05,
    Rsa2048 = 0x07,
    EcP256 = 0x11,
    EcP384 = 0x14,
};

struct KeyDeleter {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};

class CardKey {
  public:
    /// A key from PEM or DER. Errors: FileNotFound, FileUnreadable, ImageInput (not such a key).
    static Result<CardKey> load(const std::string& path);

    [[nodiscard]] Algorithm algorithm() const noexcept { return algorithm_; }
    [[nodiscard]] bool is_rsa() const noexcept {
        return algorithm_ == Algorithm::Rsa2048 || algorithm_ == Algorithm::Rsa3072;
    }
    /// RSA: the private operation on a block as long as the modulus. EC: ECDSA over a digest of at
    /// most the curve's length, in DER. Empty: the input does not fit the key.
    [[nodiscard]] Bytes sign(ByteView input) const;
    /// ECDH (SP 800-73-4 part 2, section 3.2.4): the X coordinate. Empty: not a point of the curve.
    [[nodiscard]] Bytes agree(ByteView point) const;

  private:
    CardKey(std::unique_ptr<EVP_PKEY, KeyDeleter> key, Algorithm algorithm)
        : key_(std::move(key)), algorithm_(algorithm) {}
    std::unique_ptr<EVP_PKEY, KeyDeleter> key_;
    Algorithm algorithm_;
};

/// A certificate file as bytes: PEM is decoded, anything else is taken as it is (a card may hold
/// anything, and tests need cards that do).
Result<Bytes> load_certificate(const std::string& path);

}  // namespace piv::vcard
