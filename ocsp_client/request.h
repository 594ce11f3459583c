// OCSP requests (RFC 6960 section 4.1, RFC 5019 section 2.1, RFC 9654).
#pragma once

#include <string>

#include "ocsp_client/cert_id.h"

namespace piv {

/// RFC 9654 section 2.1: 32 octets, inside the limits of RFC 8954 (32) as well.
inline constexpr std::size_t kNonceOctets = 32;
/// From the system's generator. Error: Internal.
Result<Bytes> make_nonce();

/// One unsigned request for one certificate; with the nonce extension when `nonce` is not empty.
Bytes encode_request(const CertSubject& subject, CertIdHash hash, ByteView nonce);

/// The CertID of the first Request in an OCSPRequest; views into `request`. Error: OcspMalformed.
Result<CertIdView> request_cert_id(ByteView request);

/// RFC 6960 appendix A.1: the responder's URL, '/', and the request in base64, percent-encoded.
std::string get_url(const std::string& url, ByteView request);
/// RFC 5019 section 5: GET up to 255 octets in total.
inline constexpr std::size_t kGetLimit = 255;

}  // namespace piv
