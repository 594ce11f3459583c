#include "ocsp_client/request.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

namespace piv {

namespace {

// id-pkix-ocsp-nonce 1.3.6.1.5.5.7.48.1.2
constexpr std::array<std::uint8_t, 9> kNonceOid{0x2b, 0x06, 0x01, 0x05, 0x05,
                                                0x07, 0x30, 0x01, 0x02};

}  // namespace

Result<Bytes> make_nonce() {
    Bytes nonce(kNonceOctets);
    if (RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) != 1) {
        return Error(ErrorCode::Internal, "no random octets for a nonce");
    }
    return nonce;
}

// OCSPRequest ::= SEQUENCE { tbsRequest TBSRequest, optionalSignature [0] EXPLICIT ... OPTIONAL }
// TBSRequest  ::= SEQUENCE { version [0] DEFAULT v1, requestorName [1] OPTIONAL,
//                            requestList SEQUENCE OF Request, requestExtensions [2] OPTIONAL }
Bytes encode_request(const CertSubject& subject, CertIdHash hash, ByteView nonce) {
    const Bytes one = der::encode(der::kSequence, encode_cert_id(subject, hash));
    Bytes tbs = der::encode(der::kSequence, one);
    if (!nonce.empty()) {
        Bytes extension;
        der_append(extension, der::kOid, {kNonceOid.data(), kNonceOid.size()});
        der_append(extension, der::kOctetString, der::encode(der::kOctetString, nonce));
        const Bytes list = der::encode(der::kSequence, der::encode(der::kSequence, extension));
        der_append(tbs, der::context_constructed(2), list);
    }
    return der::encode(der::kSequence, der::encode(der::kSequence, tbs));
}

Result<CertIdView> request_cert_id(ByteView request) {
    const Error bad(ErrorCode::OcspMalformed, "not an OCSP request");
    const auto outer = der_single(request, der::kSequence);
    if (!outer) {
        return bad;
    }
    DerReader parts(outer->value);
    const auto tbs = parts.read(der::kSequence);
    if (!tbs) {
        return bad;
    }
    DerReader fields(tbs->value);
    (void)fields.read(der::context_constructed(0));
    (void)fields.read(der::context_constructed(1));
    const auto list = fields.read(der::kSequence);
    if (!list) {
        return bad;
    }
    DerReader entries(list->value);
    const auto first = entries.read(der::kSequence);
    if (!first) {
        return bad;
    }
    DerReader entry(first->value);
    const auto id = parse_cert_id(entry);
    if (!id) {
        return bad;
    }
    return *id;
}

std::string get_url(const std::string& url, ByteView request) {
    Bytes text(4 * ((request.size() + 2) / 3) + 1);
    const int size = EVP_EncodeBlock(text.data(), request.data(), static_cast<int>(request.size()));
    std::string out = url;
    if (out.empty() || out.back() != '/') {
        out.push_back('/');
    }
    for (int i = 0; i < size; ++i) {
        const char c = static_cast<char>(text[static_cast<std::size_t>(i)]);
        if (c == '+') {
            out += "%2B";
        } else if (c == '/') {
            out += "%2F";
        } else if (c == '=') {
            out += "%3D";
        } else {
            out.push_back(c);
        }
    }
    return out;
}

}  // namespace piv
