// Possession of the private key, proven over our own challenge.
#pragma once

#include "pki/x509/certificate.h"

namespace piv {

/// 32 random octets of ours, used once. Move-only: a challenge is never answered twice.
class Challenge {
  public:
    static Result<Challenge> make();  // from the system's generator; Error: Internal
    Challenge(Challenge&&) noexcept = default;
    Challenge& operator=(Challenge&&) noexcept = default;
    Challenge(const Challenge&) = delete;
    Challenge& operator=(const Challenge&) = delete;
    [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }

  private:
    explicit Challenge(Bytes bytes) : bytes_(std::move(bytes)) {}
    Bytes bytes_;
};

enum class SignatureScheme { RsaPkcs1Sha256, EcdsaSha256, EcdsaSha384, EcdsaSha512 };
/// The scheme we ask a card for, by the certificate's key. Error: WeakKey for keys we do not take.
Result<SignatureScheme> scheme_for(const Certificate& certificate);
/// What the card is given to sign: for RSA the whole PKCS#1 v1.5 block of modulus length
/// (EMSA-PKCS1-v1_5, RFC 8017 section 9.2), for ECDSA the digest.
Result<Bytes> card_input(const Certificate& certificate, const Challenge& challenge);

/// Proof: made by verify_possession() and by nothing else.
class PossessionProof {
  public:
    PossessionProof(PossessionProof&&) noexcept = default;
    PossessionProof& operator=(PossessionProof&&) noexcept = default;
    PossessionProof(const PossessionProof&) = delete;
    PossessionProof& operator=(const PossessionProof&) = delete;
    [[nodiscard]] const Certificate& certificate() const noexcept { return certificate_; }

  private:
    friend Result<PossessionProof> verify_possession(const Certificate&, Challenge, ByteView);
    explicit PossessionProof(Certificate certificate) : certificate_(std::move(certificate)) {}
    Certificate certificate_;
};

/// Verifies `signature` (RSA: modulus length; ECDSA: DER) over the challenge with the certificate's
/// key. Consumes the challenge. Error: KeyMismatch.
Result<PossessionProof> verify_possession(const Certificate& certificate, Challenge challenge,
                                          ByteView signature);

}  // namespace piv
