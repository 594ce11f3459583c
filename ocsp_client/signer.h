// Who signed a response, and whether they may (RFC 6960 section 4.2.2.2).
#pragma once

#include "ocsp_client/judge.h"

namespace piv {

struct Signer {
    SignerKind kind = SignerKind::Issuer;
    Certificate certificate;
    bool nocheck = true;  // false: a delegate whose own status is to be asked
};

/// Verifies the signature and the signer's authority at `now`. Errors: OcspSignerUnknown,
/// OcspSignatureBad, OcspSignatureWeak, OcspSignerUnauthorized, OcspSignerExpired, OcspMalformed.
Result<Signer> verify_signer(const OcspResponse& response, const CertSubject& subject,
                             const std::vector<Certificate>& trusted, UnixTime now);

}  // namespace piv
