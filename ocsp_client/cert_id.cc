#include "ocsp_client/cert_id.h"

#include <openssl/evp.h>

#include <array>

#include "pki/x509/certificate_fields.h"

namespace piv {

namespace {

// Content octets of the OBJECT IDENTIFIERs.
constexpr std::array<std::uint8_t, 5> kSha1{0x2b, 0x0e, 0x03, 0x02, 0x1a};
// 2.16.840.1.101.3.4.2.N
constexpr std::array<std::uint8_t, 8> kNistHashes{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02};

std::optional<CertIdHash> hash_of(ByteView oid) noexcept {
    if (oid == ByteView(kSha1.data(), kSha1.size())) {
        return CertIdHash::Sha1;
    }
    if (oid.size() != kNistHashes.size() + 1 ||
        oid.sub(0, kNistHashes.size()) != ByteView(kNistHashes.data(), kNistHashes.size())) {
        return std::nullopt;
    }
    switch (oid[kNistHashes.size()]) {
        case 1:
            return CertIdHash::Sha256;
        case 2:
            return CertIdHash::Sha384;
        case 3:
            return CertIdHash::Sha512;
        case 4:
            return CertIdHash::Sha224;
        default:
            return std::nullopt;
    }
}

Bytes oid_of(CertIdHash hash) {
    Bytes oid(kNistHashes.begin(), kNistHashes.end());
    switch (hash) {
        case CertIdHash::Sha1:
            return Bytes(kSha1.begin(), kSha1.end());
        case CertIdHash::Sha224:
            oid.push_back(4);
            break;
        case CertIdHash::Sha256:
            oid.push_back(1);
            break;
        case CertIdHash::Sha384:
            oid.push_back(2);
            break;
        case CertIdHash::Sha512:
            oid.push_back(3);
            break;
    }
    return oid;
}

}  // namespace

// SubjectPublicKeyInfo ::= SEQUENCE { algorithm SEQUENCE, subjectPublicKey BIT STRING }
std::optional<ByteView> public_key_bits(ByteView spki) noexcept {
    const auto whole = der_single(spki, der::kSequence);
    if (!whole) {
        return std::nullopt;
    }
    DerReader fields(whole->value);
    const auto algorithm = fields.read(der::kSequence);
    const auto key = fields.read(der::kBitString);
    ByteView bits;
    unsigned unused = 0;
    if (!algorithm || !key || !fields.empty() || !der::bit_string(key->value, bits, unused)) {
        return std::nullopt;
    }
    return bits;
}

const EVP_MD* evp_of(CertIdHash hash) noexcept {
    switch (hash) {
        case CertIdHash::Sha1:
            return EVP_sha1();
        case CertIdHash::Sha224:
            return EVP_sha224();
        case CertIdHash::Sha256:
            return EVP_sha256();
        case CertIdHash::Sha384:
            return EVP_sha384();
        case CertIdHash::Sha512:
            return EVP_sha512();
    }
    return EVP_sha256();
}

Bytes digest(const EVP_MD* md, ByteView input) {
    Bytes out(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    if (EVP_Digest(input.data(), input.size(), out.data(), &size, md, nullptr) != 1) {
        return {};
    }
    out.resize(size);
    return out;
}

// From the octets of the certificates: libcrypto's form of them costs more than a signature.
Result<CertSubject> CertSubject::make(Certificate certificate, Certificate issuer) {
    CertSubject subject{std::move(certificate), std::move(issuer), {}, {}, {}};
    subject.issuer_name = subject.issuer.subject_der();
    const auto key = public_key_bits(subject.issuer.fields().spki);
    if (!key || subject.issuer_name.empty()) {
        return Error(ErrorCode::CertMalformed,
                     "no CertID can be made of " + subject.certificate.subject());
    }
    subject.issuer_key = key->copy();
    const ByteView serial = subject.certificate.fields().serial;
    if (!der::integer_is_valid(serial)) {
        return Error(ErrorCode::CertMalformed,
                     "no serial number in " + subject.certificate.subject());
    }
    subject.serial = serial.copy();
    return subject;
}

// CertID ::= SEQUENCE {
//     hashAlgorithm  AlgorithmIdentifier,
//     issuerNameHash OCTET STRING,
//     issuerKeyHash  OCTET STRING,
//     serialNumber   CertificateSerialNumber }
std::optional<CertIdView> parse_cert_id(DerReader& reader) noexcept {
    const auto id = reader.read(der::kSequence);
    if (!id) {
        return std::nullopt;
    }
    DerReader fields(id->value);
    const auto algorithm = fields.read(der::kSequence);
    const auto name_hash = fields.read(der::kOctetString);
    const auto key_hash = fields.read(der::kOctetString);
    const auto serial = fields.read(der::kInteger);
    if (!algorithm || !name_hash || !key_hash || !serial || !fields.empty() ||
        !der::integer_is_valid(serial->value)) {
        return std::nullopt;
    }
    DerReader parts(algorithm->value);
    const auto oid = parts.read(der::kOid);
    if (!oid || !der_oid_valid(oid->value)) {
        return std::nullopt;
    }
    CertIdView view;
    view.name_hash = name_hash->value;
    view.key_hash = key_hash->value;
    view.serial = serial->value;
    view.hash = hash_of(oid->value);
    if (!parts.empty()) {
        // Parameters: NULL or nothing for every hash we know; whatever else for others.
        const auto parameters = parts.any();
        if (!parameters || !parts.empty()) {
            return std::nullopt;
        }
        if (parameters->tag != der::kNull || !parameters->value.empty()) {
            view.hash.reset();
        }
    }
    return view;
}

Bytes encode_cert_id(const CertSubject& subject, CertIdHash hash) {
    Bytes algorithm;
    der_append(algorithm, der::kOid, oid_of(hash));
    der_append(algorithm, der::kNull, {});
    const EVP_MD* md = evp_of(hash);
    Bytes fields;
    der_append(fields, der::kSequence, algorithm);
    der_append(fields, der::kOctetString, digest(md, subject.issuer_name));
    der_append(fields, der::kOctetString, digest(md, subject.issuer_key));
    der_append(fields, der::kInteger, subject.serial);
    return der::encode(der::kSequence, fields);
}

bool cert_id_matches(const CertIdView& id, const CertSubject& subject) {
    if (!id.hash || id.serial != ByteView(subject.serial)) {
        return false;  // the serial first: it costs no hash
    }
    const EVP_MD* md = evp_of(*id.hash);
    const Bytes name_hash = digest(md, subject.issuer_name);
    const Bytes key_hash = digest(md, subject.issuer_key);
    return !name_hash.empty() && !key_hash.empty() && id.name_hash == ByteView(name_hash) &&
           id.key_hash == ByteView(key_hash);
}

bool cert_id_equal(const CertIdView& a, const CertIdView& b) noexcept {
    return a.hash && b.hash && *a.hash == *b.hash && a.name_hash == b.name_hash &&
           a.key_hash == b.key_hash && a.serial == b.serial;
}

}  // namespace piv
