#include "ocsp_client/signer.h"

#include <openssl/x509v3.h>

#include <memory>

#include "ocsp_client/signature.h"
#include "pki/x509/certificate_fields.h"

namespace piv {

namespace {

struct NameDeleter {
    void operator()(X509_NAME* name) const noexcept { X509_NAME_free(name); }
};
using NamePtr = std::unique_ptr<X509_NAME, NameDeleter>;

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;  // larger ones only cost time

bool same_key(const Certificate& a, const Certificate& b) {
    return a.spki_sha256_hex() == b.spki_sha256_hex();
}

// Answers for one response whether a certificate is the one that responderID names.
class ResponderId {
  public:
    static Result<ResponderId> make(const OcspResponse& response) {
        ResponderId id(response.responder_key_hash);
        if (!response.responder_name.empty()) {
            const unsigned char* at = response.responder_name.data();
            id.name_.reset(
                d2i_X509_NAME(nullptr, &at, static_cast<long>(response.responder_name.size())));
            if (!id.name_ || at != response.responder_name.end() ||
                !canonical_name(response.responder_name, id.canonical_)) {
                return Error(ErrorCode::OcspMalformed, "OCSP response: responderID");
            }
        }
        return id;
    }
    // RFC 6960 section 4.2.2.3
    [[nodiscard]] bool names(const Certificate& certificate) const {
        if (name_) {
            return canonical_ == certificate.fields().subject_name;
        }
        const auto key = public_key_bits(certificate.fields().spki);
        const Bytes hash = key ? digest(EVP_sha1(), *key) : Bytes();
        return !hash.empty() && key_hash_ == ByteView(hash);
    }

  private:
    explicit ResponderId(ByteView key_hash) : key_hash_(key_hash) {}
    NamePtr name_;
    CanonicalName canonical_;  // of name_
    ByteView key_hash_;
};

Error unauthorized(const Certificate& certificate, const char* why) {
    return {ErrorCode::OcspSignerUnauthorized, "responder '" + certificate.subject() + "' " + why};
}

Status check_validity(const Certificate& certificate, UnixTime now) {
    if (now < certificate.not_before() || now > certificate.not_after()) {
        const bool early = now < certificate.not_before();
        return Error(ErrorCode::OcspSignerExpired,
                     "the certificate of responder '" + certificate.subject() +
                         (early ? "' is not valid before " + format_time(certificate.not_before())
                                : "' ended at " + format_time(certificate.not_after())) +
                         "; the time is " + format_time(now));
    }
    return {};
}

// The extension in question is understood, here or in OpenSSL's own decoding of it.
bool understood(int nid) noexcept {
    switch (nid) {
        case NID_basic_constraints:
        case NID_key_usage:
        case NID_ext_key_usage:
        case NID_subject_alt_name:
        case NID_issuer_alt_name:
        case NID_subject_key_identifier:
        case NID_authority_key_identifier:
        case NID_certificate_policies:
        case NID_crl_distribution_points:
        case NID_info_access:
        case NID_id_pkix_OCSP_noCheck:
            return true;
        default:
            return false;
    }
}

Status check_extensions(const Certificate& delegate) {
    X509* x = delegate.native();
    const std::uint32_t flags = X509_get_extension_flags(x);
    if ((flags & EXFLAG_INVALID) != 0) {
        return unauthorized(delegate, "has a malformed certificate");
    }
    for (int i = 0; i < X509_get_ext_count(x); ++i) {
        X509_EXTENSION* extension = X509_get_ext(x, i);
        if (X509_EXTENSION_get_critical(extension) == 1 &&
            !understood(OBJ_obj2nid(X509_EXTENSION_get_object(extension)))) {
            return unauthorized(delegate, "has an unknown critical extension in its certificate");
        }
    }
    // RFC 6960 section 4.2.2.2: id-kp-OCSPSigning itself; anyExtendedKeyUsage does not count.
    bool ocsp_signing = false;
    for (const std::string& oid : delegate.eku()) {
        ocsp_signing = ocsp_signing || oid == "1.3.6.1.5.5.7.3.9";
    }
    if (!ocsp_signing) {
        return unauthorized(delegate, "lacks the extended key usage OCSPSigning");
    }
    // RFC 5280 section 4.2.1.12: consistent with digitalSignature and/or nonRepudiation.
    if ((flags & EXFLAG_KUSAGE) != 0 &&
        (X509_get_key_usage(x) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0) {
        return unauthorized(delegate, "has a key usage without digitalSignature");
    }
    return {};
}

Status check_key(const Certificate& delegate) {
    EVP_PKEY* key = delegate.public_key();
    const int type = key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_base_id(key);
    const bool rsa = type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS;
    const int bits = key == nullptr ? 0 : EVP_PKEY_bits(key);
    if (type == EVP_PKEY_NONE || (rsa && (bits < kMinRsaBits || bits > kMaxRsaBits))) {
        return unauthorized(delegate, "has a key that is too weak, too large or not usable");
    }
    return {};
}

// RFC 6960 section 4.2.2.2: the delegate's certificate is issued directly by the CA that issued
// the certificate in question, with the same key.
Status check_delegate(const Certificate& delegate, const CertSubject& subject, UnixTime now) {
    X509* x = delegate.native();
    if (delegate.fields().issuer != subject.issuer.fields().subject &&
        X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(subject.issuer.native())) !=
            0) {
        return unauthorized(delegate,
                            "was not issued by the issuer of the certificate in question");
    }
    const X509_ALGOR* algorithm = nullptr;
    X509_get0_signature(nullptr, &algorithm, x);
    unsigned char* der = nullptr;
    const int size = i2d_X509_ALGOR(const_cast<X509_ALGOR*>(algorithm), &der);
    const Bytes encoded(der, der + (size > 0 ? size : 0));
    OPENSSL_free(der);
    if (Status s = check_signature_algorithm(encoded); !s) {
        return unauthorized(delegate, "has a certificate with a weak signature");
    }
    if (subject.issuer.public_key() == nullptr ||
        X509_verify(x, subject.issuer.public_key()) != 1) {
        return unauthorized(delegate, "has a certificate that the issuer's key did not sign");
    }
    if (Status s = check_extensions(delegate); !s) {
        return s;
    }
    if (Status s = check_key(delegate); !s) {
        return s;
    }
    return check_validity(delegate, now);
}

class SignerSearch {
  public:
    SignerSearch(const OcspResponse& response, const ResponderId& id)
        : response_(response), id_(id) {}

    // True when `certificate` is the one that responderID names and its key verifies the signature.
    bool signed_by(const Certificate& certificate) {
        if (!id_.names(certificate)) {
            return false;
        }
        const Status s = verify_signature(response_.tbs, response_.signature_algorithm,
                                          response_.signature, certificate.public_key());
        if (!s) {
            Error error = s.error();
            if (error.detail.empty()) {
                error.detail = "the key of responder '" + certificate.subject() +
                               "' does not verify the response's signature";
            }
            note(std::move(error));
        }
        return s.ok();
    }
    // Keeps the most telling error: authority over signature over "not found".
    void note(Error error) {
        const bool better = error_.code == ErrorCode::OcspSignerUnknown ||
                            error.code == ErrorCode::OcspSignerUnauthorized ||
                            error.code == ErrorCode::OcspSignerExpired;
        if (better) {
            error_ = std::move(error);
        }
    }
    [[nodiscard]] Error error() const { return error_; }

  private:
    const OcspResponse& response_;
    const ResponderId& id_;
    Error error_{ErrorCode::OcspSignerUnknown,
                 "no certificate that responderID names is at hand to verify the signature"};
};

}  // namespace

Result<Signer> verify_signer(const OcspResponse& response, const CertSubject& subject,
                             const std::vector<Certificate>& trusted, UnixTime now) {
    if (Status s = check_signature_algorithm(response.signature_algorithm); !s) {
        return std::move(s).error();
    }
    auto id = ResponderId::make(response);
    if (!id) {
        return std::move(id).error();
    }
    std::vector<Certificate> attached;
    for (const ByteView der : response.certificates) {
        auto certificate = Certificate::from_der(der);
        if (!certificate) {
            return Error(ErrorCode::OcspMalformed, "OCSP response: an attached certificate");
        }
        attached.push_back(std::move(certificate).value());
    }
    SignerSearch search(response, id.value());
    if (search.signed_by(subject.issuer)) {
        return Signer{SignerKind::Issuer, subject.issuer, true};
    }
    for (const Certificate& certificate : trusted) {
        if (search.signed_by(certificate)) {
            Status valid = check_validity(certificate, now);
            if (valid) {
                return Signer{SignerKind::Trusted, certificate, true};
            }
            search.note(std::move(valid).error());
        }
    }
    for (const Certificate& certificate : attached) {
        if (!search.signed_by(certificate)) {
            continue;
        }
        if (same_key(certificate, subject.issuer)) {
            return Signer{SignerKind::Issuer, subject.issuer, true};  // by another name
        }
        Status allowed = check_delegate(certificate, subject, now);
        if (allowed) {
            const bool nocheck =
                X509_get_ext_by_NID(certificate.native(), NID_id_pkix_OCSP_noCheck, -1) >= 0;
            return Signer{SignerKind::Delegated, certificate, nocheck};
        }
        search.note(std::move(allowed).error());
    }
    return search.error();
}

}  // namespace piv
