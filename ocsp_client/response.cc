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
    if (!element || element->content.size() != 1 || element->content[0] > 0x7f) {
        return std::nullopt;
    }
    return element->content[0];
}

// Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension (RFC 5280 section 4.1), within [n] EXPLICIT.
// Large public responders send an empty one, so that is let through: it says nothing.
Status parse_extensions(ByteView explicit_content, std::vector<OcspExtension>& out) {
    const auto list = der_single(explicit_content, tag::kSequence);
    if (!list) {
        return malformed("extensions");
    }
    DerReader reader(list->content);
    while (!reader.empty()) {
        const auto extension = reader.read(tag::kSequence);
        if (!extension || out.size() >= kMaxExtensions) {
            return malformed("extension");
        }
        DerReader fields(extension->content);
        const auto oid = fields.read(tag::kOid);
        OcspExtension parsed;
        if (const auto critical = fields.read(tag::kBoolean)) {
            // X.690 section 11.5: a default value (FALSE) is not encoded.
            if (critical->content.size() != 1 || critical->content[0] != 0xff) {
                return malformed("extension: critical");
            }
            parsed.critical = true;
        }
        const auto value = fields.read(tag::kOctetString);
        if (!oid || !der_oid_valid(oid->content) || !value || !fields.empty()) {
            return malformed("extension");
        }
        parsed.oid = oid->content;
        parsed.value = value->content;
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
    if (element->tag == tag::context_primitive(0) || element->tag == tag::context_primitive(2)) {
        single.status =
            element->tag == tag::context_primitive(0) ? CertStatus::Good : CertStatus::Unknown;
        return element->content.empty() ? Status() : Status(malformed("certStatus"));
    }
    if (element->tag != tag::context(1)) {
        return malformed("certStatus: neither good nor revoked nor unknown");
    }
    single.status = CertStatus::Revoked;
    DerReader fields(element->content);
    const auto time = fields.read(tag::kGeneralizedTime);
    const auto parsed = time ? parse_generalized_time(time->content) : std::nullopt;
    if (!parsed) {
        return malformed("revocationTime");
    }
    single.revocation_time = *parsed;
    if (const auto reason = fields.read(tag::context(0))) {
        single.reason = small_number(der_single(reason->content, tag::kEnumerated));
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
    const auto this_update = fields.read(tag::kGeneralizedTime);
    const auto this_time =
        this_update ? parse_generalized_time(this_update->content) : std::nullopt;
    if (!this_time) {
        return malformed("thisUpdate");
    }
    single.this_update = *this_time;
    if (const auto next_update = fields.read(tag::context(0))) {
        const auto time = der_single(next_update->content, tag::kGeneralizedTime);
        single.next_update = time ? parse_generalized_time(time->content) : std::nullopt;
        if (!single.next_update) {
            return malformed("nextUpdate");
        }
    }
    if (const auto extensions = fields.read(tag::context(1))) {
        if (Status s = parse_extensions(extensions->content, single.extensions); !s) {
            return s;
        }
    }
    return fields.empty() ? Status() : Status(malformed("singleResponse"));
}

// ResponderID ::= CHOICE { byName [1] Name, byKey [2] KeyHash }, explicit tags.
Status parse_responder_id(DerReader& fields, OcspResponse& out) {
    if (const auto by_name = fields.read(tag::context(1))) {
        const auto name = der_single(by_name->content, tag::kSequence);
        if (name) {
            out.responder_name = name->whole;
            return {};
        }
    } else if (const auto by_key = fields.read(tag::context(2))) {
        const auto hash = der_single(by_key->content, tag::kOctetString);
        if (hash && hash->content.size() == 20) {  // SHA-1 of the key, always
            out.responder_key_hash = hash->content;
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
    if (const auto version = fields.read(tag::context(0))) {
        // v1 written out is not DER, but responders in the field do it; it changes nothing.
        if (small_number(der_single(version->content, tag::kInteger)) != 0) {
            return malformed("version");
        }
    }
    if (Status s = parse_responder_id(fields, out); !s) {
        return s;
    }
    const auto produced = fields.read(tag::kGeneralizedTime);
    const auto produced_at = produced ? parse_generalized_time(produced->content) : std::nullopt;
    if (!produced_at) {
        return malformed("producedAt");
    }
    out.produced_at = *produced_at;
    const auto responses = fields.read(tag::kSequence);
    if (!responses) {
        return malformed("responses");
    }
    DerReader list(responses->content);
    while (!list.empty()) {
        const auto single = list.read(tag::kSequence);
        if (!single || out.responses.size() >= kMaxSingleResponses) {
            return malformed(single ? "too many answers in one response" : "responses");
        }
        out.responses.emplace_back();
        if (Status s = parse_single(single->content, out.responses.back()); !s) {
            return s;
        }
    }
    if (const auto extensions = fields.read(tag::context(1))) {
        if (Status s = parse_extensions(extensions->content, out.extensions); !s) {
            return s;
        }
    }
    return fields.empty() ? Status() : Status(malformed("responseData"));
}

// certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL
Status parse_certificates(ByteView explicit_content, OcspResponse& out) {
    const auto list = der_single(explicit_content, tag::kSequence);
    if (!list) {
        return malformed("certs");
    }
    DerReader reader(list->content);
    while (!reader.empty()) {
        const auto certificate = reader.read(tag::kSequence);
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
    const auto basic = der_single(der, tag::kSequence);
    if (!basic) {
        return malformed("basicResponse");
    }
    DerReader fields(basic->content);
    const auto tbs = fields.read(tag::kSequence);
    const auto algorithm = fields.read(tag::kSequence);
    const auto signature = fields.read(tag::kBitString);
    if (!tbs || !algorithm || !signature || !der_well_formed(tbs->whole) ||
        !der_well_formed(algorithm->whole)) {
        return malformed("basicResponse");
    }
    out.tbs = tbs->whole;
    out.signature_algorithm = algorithm->whole;
    if (signature->content.size() < 2 || signature->content[0] != 0) {
        return malformed("signature: not a whole number of octets");
    }
    out.signature = signature->content.sub(1);
    DerReader parts(algorithm->content);
    const auto oid = parts.read(tag::kOid);
    if (!oid || !der_oid_valid(oid->content) ||
        (!parts.empty() && (!parts.any() || !parts.empty()))) {
        return malformed("signatureAlgorithm");
    }
    if (const auto certs = fields.read(tag::context(0))) {
        if (Status s = parse_certificates(certs->content, out); !s) {
            return s;
        }
    }
    if (!fields.empty()) {
        return malformed("octets after the basic response's end");
    }
    return parse_response_data(tbs->content, out);
}

}  // namespace

// OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] EXPLICIT OPTIONAL }
// ResponseBytes ::= SEQUENCE { responseType OBJECT IDENTIFIER, response OCTET STRING }
Result<OcspResponse> parse_response(ByteView der) {
    if (der.size() > kMaxResponse) {
        return Error(ErrorCode::OcspTooLarge, std::to_string(der.size()) + " octets");
    }
    DerReader outer(der);
    const auto response = outer.read(tag::kSequence);
    if (!response) {
        return malformed("not an OCSP response in DER");
    }
    if (!outer.empty()) {
        return malformed("octets after its end");
    }
    DerReader fields(response->content);
    const auto status = small_number(fields.read(tag::kEnumerated));
    // RFC 6960 section 2.3: 4 is not used, and there is nothing above 6.
    if (!status || *status == 4 || *status > 6) {
        return malformed("responseStatus");
    }
    OcspResponse out;
    out.status = static_cast<ResponderStatus>(*status);
    const auto bytes = fields.read(tag::context(0));
    if (!fields.empty() || bytes.has_value() != (out.status == ResponderStatus::Successful)) {
        return malformed("responseBytes");
    }
    if (!bytes) {
        return out;
    }
    const auto inner = der_single(bytes->content, tag::kSequence);
    if (!inner) {
        return malformed("responseBytes");
    }
    DerReader parts(inner->content);
    const auto type = parts.read(tag::kOid);
    const auto basic = parts.read(tag::kOctetString);
    if (!type || !der_oid_valid(type->content) || !basic || !parts.empty()) {
        return malformed("responseBytes");
    }
    if (type->content != ByteView(kBasicOid.data(), kBasicOid.size())) {
        return Error(ErrorCode::OcspResponseType, "the response is not a basic OCSP response");
    }
    if (Status s = parse_basic(basic->content, out); !s) {
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
