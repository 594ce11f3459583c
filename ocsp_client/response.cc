#include "ocsp_client/response.h"

#include <array>

namespace piv {

namespace {

// id-pkix-ocsp-basic 1.3.6.1.5.5.7.48.1.1
constexpr std::array<std::uint8_t, 9> kBasicOid{0x2b, 0x06, 0x01, 0x05, 0x05,
                                                0x07, 0x30, 0x01, 0x01};

// Counts are capped long before memory is.
constexpr std::size_t kMaxSingleResponses = 1024;
constexpr std::size_t kMaxCertificates = 16;
constexpr std::size_t kMaxExtensions = 32;

Error malformed(const char* where) {
    return {ErrorCode::OcspMalformed, std::string("OCSP response: ") + where};
}

std::optional<int> small_number(const std::optional<DerElement>& element) {
    if (!element || element->value.size() != 1 || element->value[0] > 0x7f) {
        return std::nullopt;
    }
    return element->value[0];
}

// Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension (RFC 5280 section 4.1), within [n] EXPLICIT.
// Large public responders send an empty one, so that is let through: it says nothing.
Status parse_extensions(ByteView explicit_content, std::vector<OcspExtension>& out) {
    const auto list = der_single(explicit_content, der::kSequence);
    if (!list) {
        return malformed("extensions");
    }
    DerReader reader(list->value);
    while (!reader.empty()) {
        const auto extension = reader.read(der::kSequence);
        if (!extension || out.size() >= kMaxExtensions) {
            return malformed("extension");
        }
        DerReader fields(extension->value);
        const auto oid = fields.read(der::kOid);
        OcspExtension parsed;
        if (const auto critical = fields.read(der::kBoolean)) {
            // X.690 section 11.5: a default value (FALSE) is not encoded.
            if (critical->value.size() != 1 || critical->value[0] != 0xff) {
                return malformed("extension: critical");
            }
            parsed.critical = true;
        }
        const auto value = fields.read(der::kOctetString);
        if (!oid || !der_oid_valid(oid->value) || !value || !fields.empty()) {
            return malformed("extension");
        }
        parsed.oid = oid->value;
        parsed.value = value->value;
        for (const OcspExtension& other : out) {
            if (other.oid == parsed.oid) {
                return malformed("the same extension twice");
            }
        }
        out.push_back(parsed);
    }
    return {};
}

// CertStatus ::= CHOICE { good [0] IMPLICIT NULL, revoked [1] IMPLICIT RevokedInfo,
//                         unknown [2] IMPLICIT UnknownInfo }
// RevokedInfo ::= SEQUENCE { revocationTime GeneralizedTime,
//                            revocationReason [0] EXPLICIT CRLReason OPTIONAL }
Status parse_status(DerReader& reader, SingleResponse& single) {
    const auto element = reader.any();
    if (!element) {
        return malformed("certStatus");
    }
    if (element->tag == der::context(0) || element->tag == der::context(2)) {
        single.status = element->tag == der::context(0) ? CertStatus::Good : CertStatus::Unknown;
        return element->value.empty() ? Status() : Status(malformed("certStatus"));
    }
    if (element->tag != der::context_constructed(1)) {
        return malformed("certStatus: neither good nor revoked nor unknown");
    }
    single.status = CertStatus::Revoked;
    DerReader fields(element->value);
    const auto time = fields.read(der::kGeneralizedTime);
    const auto parsed = time ? parse_generalized_time(time->value) : std::nullopt;
    if (!parsed) {
        return malformed("revocationTime");
    }
    single.revocation_time = *parsed;
    if (const auto reason = fields.read(der::context_constructed(0))) {
        single.reason = small_number(der_single(reason->value, der::kEnumerated));
        if (!single.reason || crl_reason_name(*single.reason).empty()) {
            return malformed("revocationReason");
        }
    }
    return fields.empty() ? Status() : Status(malformed("revokedInfo"));
}

// SingleResponse ::= SEQUENCE { certID, certStatus, thisUpdate GeneralizedTime,
//     nextUpdate [0] EXPLICIT GeneralizedTime OPTIONAL, singleExtensions [1] EXPLICIT OPTIONAL }
Status parse_single(ByteView content, SingleResponse& single) {
    DerReader fields(content);
    const auto id = parse_cert_id(fields);
    if (!id) {
        return malformed("certID");
    }
    single.id = *id;
    if (Status s = parse_status(fields, single); !s) {
        return s;
    }
    const auto this_update = fields.read(der::kGeneralizedTime);
    const auto this_time = this_update ? parse_generalized_time(this_update->value) : std::nullopt;
    if (!this_time) {
        return malformed("thisUpdate");
    }
    single.this_update = *this_time;
    if (const auto next_update = fields.read(der::context_constructed(0))) {
        const auto time = der_single(next_update->value, der::kGeneralizedTime);
        single.next_update = time ? parse_generalized_time(time->value) : std::nullopt;
        if (!single.next_update) {
            return malformed("nextUpdate");
        }
    }
    if (const auto extensions = fields.read(der::context_constructed(1))) {
        if (Status s = parse_extensions(extensions->value, single.extensions); !s) {
            return s;
        }
    }
    return fields.empty() ? Status() : Status(malformed("singleResponse"));
}

// ResponderID ::= CHOICE { byName [1] Name, byKey [2] KeyHash }, explicit tags.
Status parse_responder_id(DerReader& fields, OcspResponse& out) {
    if (const auto by_name = fields.read(der::context_constructed(1))) {
        const auto name = der_single(by_name->value, der::kSequence);
        if (name) {
            out.responder_name = name->whole;
            return {};
        }
    } else if (const auto by_key = fields.read(der::context_constructed(2))) {
        const auto hash = der_single(by_key->value, der::kOctetString);
        if (hash && hash->value.size() == 20) {  // SHA-1 of the key, always
            out.responder_key_hash = hash->value;
            return {};
        }
    }
    return malformed("responderID");
}

// ResponseData ::= SEQUENCE { version [0] EXPLICIT Version DEFAULT v1, responderID,
//     producedAt GeneralizedTime, responses SEQUENCE OF SingleResponse,
//     responseExtensions [1] EXPLICIT Extensions OPTIONAL }
Status parse_response_data(ByteView content, OcspResponse& out) {
    DerReader fields(content);
    if (const auto version = fields.read(der::context_constructed(0))) {
        // v1 written out is not DER, but responders in the field do it; it changes nothing.
        if (small_number(der_single(version->value, der::kInteger)) != 0) {
            return malformed("version");
        }
    }
    if (Status s = parse_responder_id(fields, out); !s) {
        return s;
    }
    const auto produced = fields.read(der::kGeneralizedTime);
    const auto produced_at = produced ? parse_generalized_time(produced->value) : std::nullopt;
    if (!produced_at) {
        return malformed("producedAt");
    }
    out.produced_at = *produced_at;
    const auto responses = fields.read(der::kSequence);
    if (!responses) {
        return malformed("responses");
    }
    DerReader list(responses->value);
    while (!list.empty()) {
        const auto single = list.read(der::kSequence);
        if (!single || out.responses.size() >= kMaxSingleResponses) {
            return malformed(single ? "too many answers in one response" : "responses");
        }
        out.responses.emplace_back();
        if (Status s = parse_single(single->value, out.responses.back()); !s) {
            return s;
        }
    }
    if (const auto extensions = fields.read(der::context_constructed(1))) {
        if (Status s = parse_extensions(extensions->value, out.extensions); !s) {
            return s;
        }
    }
    return fields.empty() ? Status() : Status(malformed("responseData"));
}

// certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL
Status parse_certificates(ByteView explicit_content, OcspResponse& out) {
    const auto list = der_single(explicit_content, der::kSequence);
    if (!list) {
        return malformed("certs");
    }
    DerReader reader(list->value);
    while (!reader.empty()) {
        const auto certificate = reader.read(der::kSequence);
        if (!certificate || out.certificates.size() >= kMaxCertificates) {
            return malformed(certificate ? "too many certificates" : "certs");
        }
        out.certificates.push_back(certificate->whole);
    }
    return {};
}

// BasicOCSPResponse ::= SEQUENCE { tbsResponseData, signatureAlgorithm AlgorithmIdentifier,
//     signature BIT STRING, certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
Status parse_basic(ByteView der, OcspResponse& out) {
    const auto basic = der_single(der, der::kSequence);
    if (!basic) {
        return malformed("basicResponse");
    }
    DerReader fields(basic->value);
    const auto tbs = fields.read(der::kSequence);
    const auto algorithm = fields.read(der::kSequence);
    const auto signature = fields.read(der::kBitString);
    if (!tbs || !algorithm || !signature || !der_well_formed(tbs->whole) ||
        !der_well_formed(algorithm->whole)) {
        return malformed("basicResponse");
    }
    out.tbs = tbs->whole;
    out.signature_algorithm = algorithm->whole;
    if (signature->value.size() < 2 || signature->value[0] != 0) {
        return malformed("signature: not a whole number of octets");
    }
    out.signature = signature->value.sub(1);
    DerReader parts(algorithm->value);
    const auto oid = parts.read(der::kOid);
    if (!oid || !der_oid_valid(oid->value) ||
        (!parts.empty() && (!parts.any() || !parts.empty()))) {
        return malformed("signatureAlgorithm");
    }
    if (const auto certs = fields.read(der::context_constructed(0))) {
        if (Status s = parse_certificates(certs->value, out); !s) {
            return s;
        }
    }
    if (!fields.empty()) {
        return malformed("octets after the basic response's end");
    }
    return parse_response_data(tbs->value, out);
}

}  // namespace

// OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] EXPLICIT OPTIONAL }
// ResponseBytes ::= SEQUENCE { responseType OBJECT IDENTIFIER, response OCTET STRING }
Result<OcspResponse> parse_response(ByteView der) {
    if (der.size() > kMaxResponse) {
        return Error(ErrorCode::OcspTooLarge, std::to_string(der.size()) + " octets");
    }
    DerReader outer(der);
    const auto response = outer.read(der::kSequence);
    if (!response) {
        return malformed("not an OCSP response in DER");
    }
    if (!outer.empty()) {
        return malformed("octets after its end");
    }
    DerReader fields(response->value);
    const auto status = small_number(fields.read(der::kEnumerated));
    // RFC 6960 section 2.3: 4 is not used, and there is nothing above 6.
    if (!status || *status == 4 || *status > 6) {
        return malformed("responseStatus");
    }
    OcspResponse out;
    out.status = static_cast<ResponderStatus>(*status);
    const auto bytes = fields.read(der::context_constructed(0));
    if (!fields.empty() || bytes.has_value() != (out.status == ResponderStatus::Successful)) {
        return malformed("responseBytes");
    }
    if (!bytes) {
        return out;
    }
    const auto inner = der_single(bytes->value, der::kSequence);
    if (!inner) {
        return malformed("responseBytes");
    }
    DerReader parts(inner->value);
    const auto type = parts.read(der::kOid);
    const auto basic = parts.read(der::kOctetString);
    if (!type || !der_oid_valid(type->value) || !basic || !parts.empty()) {
        return malformed("responseBytes");
    }
    if (type->value != ByteView(kBasicOid.data(), kBasicOid.size())) {
        return Error(ErrorCode::OcspResponseType, "the response is not a basic OCSP response");
    }
    if (Status s = parse_basic(basic->value, out); !s) {
        return std::move(s).error();
    }
    return out;
}

std::string_view crl_reason_name(int reason) noexcept {
    switch (reason) {
        case 0:
            return "unspecified";
        case 1:
            return "keyCompromise";
        case 2:
            return "cACompromise";
        case 3:
            return "affiliationChanged";
        case 4:
            return "superseded";
        case 5:
            return "cessationOfOperation";
        case 6:
            return "certificateHold";
        case 8:
            return "removeFromCRL";
        case 9:
            return "privilegeWithdrawn";
        case 10:
            return "aACompromise";
        default:
            return {};
    }
}

}  // namespace piv
