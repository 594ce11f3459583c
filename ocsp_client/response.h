// The structure of an OCSP response (RFC 6960 section 4.2.1), read strictly: DER, known versions,
// times in the form of RFC 5280. Nothing here is verified; see judge.h.
#pragma once

#include <optional>
#include <vector>

#include "ocsp_client/cert_id.h"

namespace piv {

inline constexpr std::size_t kMaxResponse = 64U << 10U;

enum class ResponderStatus : int {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
};

enum class CertStatus { Good, Revoked, Unknown };

struct OcspExtension {
    ByteView oid;  // content octets
    bool critical = false;
    ByteView value;  // content of extnValue
};

struct SingleResponse {
    CertIdView id;
    CertStatus status = CertStatus::Unknown;
    UnixTime this_update = 0;
    std::optional<UnixTime> next_update;
    UnixTime revocation_time = 0;
    std::optional<int> reason;  // CRLReason
    std::vector<OcspExtension> extensions;
};

/// Views into the bytes that were parsed: keep them alive.
struct OcspResponse {
    ResponderStatus status = ResponderStatus::InternalError;
    // The rest only when `status` is Successful:
    ByteView tbs;                  // ResponseData, whole
    ByteView signature_algorithm;  // AlgorithmIdentifier, whole
    ByteView signature;            // octets of the BIT STRING
    ByteView responder_name;       // Name, whole; or
    ByteView responder_key_hash;   // KeyHash, content
    UnixTime produced_at = 0;
    std::vector<SingleResponse> responses;
    std::vector<OcspExtension> extensions;
    std::vector<ByteView> certificates;  // each whole
};

/// Errors: OcspMalformed (its detail says where), OcspTooLarge, OcspResponseType.
Result<OcspResponse> parse_response(ByteView der);

/// "keyCompromise" and so on; empty for a number that RFC 5280 section 5.3.1 does not have.
std::string_view crl_reason_name(int reason) noexcept;

}  // namespace piv
