#include "tests/unit/ocsp/fixture.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <stdexcept>

#include "ocsp_client/der.h"

namespace piv::test {

namespace {

void must(bool ok) {
    if (!ok) {
        throw std::runtime_error("fixture: OpenSSL refused");
    }
}

std::shared_ptr<EVP_PKEY> make_key() {
    const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(
        EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr), EVP_PKEY_CTX_free);
    EVP_PKEY* key = nullptr;
    must(EVP_PKEY_keygen_init(context.get()) == 1);
    must(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), NID_X9_62_prime256v1) == 1);
    must(EVP_PKEY_keygen(context.get(), &key) == 1);
    return {key, EVP_PKEY_free};
}

Bytes time_text(UnixTime time) {
    std::string text = format_time(time);
    std::string out;
    for (const char c : text) {
        if (c != '-' && c != ':' && c != 'T') {
            out.push_back(c);
        }
    }
    return Bytes(out.begin(), out.end());
}

}  // namespace

KeyAndCertificate make_certificate(
    const std::string& name, long serial, UnixTime now, const KeyAndCertificate* issuer,
    const std::vector<std::pair<std::string, std::string>>& extensions) {
    const auto key = make_key();
    const std::unique_ptr<X509, void (*)(X509*)> x(X509_new(), X509_free);
    must(X509_set_version(x.get(), 2) == 1);
    must(ASN1_INTEGER_set(X509_get_serialNumber(x.get()), serial) == 1);
    must(ASN1_TIME_set(X509_getm_notBefore(x.get()), static_cast<time_t>(now - 3600)) != nullptr);
    must(ASN1_TIME_set(X509_getm_notAfter(x.get()), static_cast<time_t>(now + 365L * 86400)) !=
         nullptr);
    X509_NAME* subject = X509_get_subject_name(x.get());
    must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1);
    X509* signer = issuer == nullptr ? x.get() : issuer->certificate.native();
    must(X509_set_issuer_name(x.get(), X509_get_subject_name(signer)) == 1);
    must(X509_set_pubkey(x.get(), key.get()) == 1);
    for (const auto& extension : extensions) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, signer, x.get(), nullptr, nullptr, 0);
        X509_EXTENSION* made =
            X509V3_EXT_conf(nullptr, &context, extension.first.c_str(), extension.second.c_str());
        must(made != nullptr);
        must(X509_add_ext(x.get(), made, -1) == 1);
        X509_EXTENSION_free(made);
    }
    must(X509_sign(x.get(), issuer == nullptr ? key.get() : issuer->key.get(), EVP_sha256()) > 0);
    unsigned char* der = nullptr;
    const int size = i2d_X509(x.get(), &der);
    must(size > 0);
    auto certificate = Certificate::from_der({der, static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    must(certificate.ok());
    return {key, std::move(certificate).value()};
}

Pki::Pki(UnixTime at)
    : now(at),
      root(make_certificate("Root", 1, at, nullptr,
                            {{"basicConstraints", "critical,CA:TRUE"},
                             {"keyUsage", "critical,keyCertSign,cRLSign"},
                             {"subjectKeyIdentifier", "hash"}})),
      intermediate(make_certificate("Issuing CA", 2, at, &root,
                                    {{"basicConstraints", "critical,CA:TRUE"},
                                     {"keyUsage", "critical,keyCertSign,cRLSign"},
                                     {"subjectKeyIdentifier", "hash"},
                                     {"authorityInfoAccess", "OCSP;URI:http://ocsp.test/root"}})),
      leaf(make_certificate("Alice", 3, at, &intermediate,
                            {{"keyUsage", "critical,digitalSignature"},
                             {"extendedKeyUsage", "clientAuth"},
                             {"authorityInfoAccess", "OCSP;URI:http://ocsp.test/int"}})),
      delegate(make_certificate("Responder", 4, at, &intermediate,
                                {{"keyUsage", "critical,digitalSignature"},
                                 {"extendedKeyUsage", "OCSPSigning"},
                                 {"noCheck", "ignored"}})) {}

CertSubject Pki::leaf_subject() const {
    auto subject = CertSubject::make(leaf.certificate, intermediate.certificate);
    must(subject.ok());
    return std::move(subject).value();
}

CertificationPath Pki::path() const {
    TrustStore store;
    store.add_anchor(root.certificate);
    store.add_intermediate(intermediate.certificate);
    PathPolicy policy;
    policy.purpose = Purpose::Any;
    auto path = validate_path(leaf.certificate, store, {}, policy, now);
    must(path.ok());
    return std::move(path).value();
}

Bytes make_response(const CertSubject& subject, const AnswerPlan& plan,
                    const KeyAndCertificate& signer, ByteView nonce) {
    Bytes single = encode_cert_id(subject, CertIdHash::Sha1);
    if (plan.status == CertStatus::Revoked) {
        Bytes info = der::encode(der::kGeneralizedTime, time_text(plan.this_update - 60));
        const Bytes reason{static_cast<std::uint8_t>(plan.reason)};
        der_append(info, der::context_constructed(0), der::encode(der::kEnumerated, reason));
        der_append(single, der::context_constructed(1), info);
    } else {
        der_append(single, der::context(plan.status == CertStatus::Good ? 0 : 2), {});
    }
    der_append(single, der::kGeneralizedTime, time_text(plan.this_update));
    if (plan.next_update != 0) {
        der_append(single, der::context_constructed(0),
                   der::encode(der::kGeneralizedTime, time_text(plan.next_update)));
    }
    Bytes data = der::encode(der::context_constructed(1), signer.certificate.subject_der());
    der_append(data, der::kGeneralizedTime, time_text(plan.this_update));
    der_append(data, der::kSequence, der::encode(der::kSequence, single));
    if (!nonce.empty()) {
        const Bytes oid{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
        Bytes extension = der::encode(der::kOid, oid);
        der_append(extension, der::kOctetString, der::encode(der::kOctetString, nonce));
        der_append(data, der::context_constructed(1),
                   der::encode(der::kSequence, der::encode(der::kSequence, extension)));
    }
    const Bytes tbs = der::encode(der::kSequence, data);
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                     EVP_MD_CTX_free);
    Bytes signature(128);
    std::size_t size = signature.size();
    must(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, signer.key.get()) == 1);
    must(EVP_DigestSign(context.get(), signature.data(), &size, tbs.data(), tbs.size()) == 1);
    signature.resize(size);
    Bytes bits{0};
    bits.insert(bits.end(), signature.begin(), signature.end());
    bits[bits.size() - 1] =
        static_cast<std::uint8_t>(bits[bits.size() - 1] ^ (plan.spoil ? 1U : 0U));
    const Bytes ecdsa_sha256{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    Bytes basic = tbs;
    der_append(basic, der::kSequence, der::encode(der::kOid, ecdsa_sha256));
    der_append(basic, der::kBitString, bits);
    der_append(basic, der::context_constructed(0),
               der::encode(der::kSequence, signer.certificate.der()));
    const Bytes kind{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
    Bytes inner = der::encode(der::kOid, kind);
    der_append(inner, der::kOctetString, der::encode(der::kSequence, basic));
    const Bytes successful{0};
    Bytes outer = der::encode(der::kEnumerated, successful);
    der_append(outer, der::context_constructed(0), der::encode(der::kSequence, inner));
    return der::encode(der::kSequence, outer);
}

Bytes make_crl(const KeyAndCertificate& issuer, UnixTime this_update, UnixTime next_update,
               long serial) {
    const std::unique_ptr<X509_CRL, void (*)(X509_CRL*)> crl(X509_CRL_new(), X509_CRL_free);
    const std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> time(ASN1_TIME_new(), ASN1_TIME_free);
    must(X509_CRL_set_version(crl.get(), 1) == 1);
    must(X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.certificate.native())) ==
         1);
    must(ASN1_TIME_set(time.get(), static_cast<time_t>(this_update)) != nullptr);
    must(X509_CRL_set1_lastUpdate(crl.get(), time.get()) == 1);
    if (serial != 0) {
        X509_REVOKED* entry = X509_REVOKED_new();
        const std::unique_ptr<ASN1_INTEGER, void (*)(ASN1_INTEGER*)> number(ASN1_INTEGER_new(),
                                                                            ASN1_INTEGER_free);
        must(ASN1_INTEGER_set(number.get(), serial) == 1);
        must(X509_REVOKED_set_serialNumber(entry, number.get()) == 1);
        must(X509_REVOKED_set_revocationDate(entry, time.get()) == 1);
        must(X509_CRL_add0_revoked(crl.get(), entry) == 1);
    }
    must(ASN1_TIME_set(time.get(), static_cast<time_t>(next_update)) != nullptr);
    must(X509_CRL_set1_nextUpdate(crl.get(), time.get()) == 1);
    must(X509_CRL_sort(crl.get()) == 1);
    must(X509_CRL_sign(crl.get(), issuer.key.get(), EVP_sha256()) > 0);
    unsigned char* der = nullptr;
    const int size = i2d_X509_CRL(crl.get(), &der);
    must(size > 0);
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

Result<std::size_t> FakeTransport::start(HttpRequest request) {
    ++requests;
    ready_.emplace(requests, handler_(request));
    return requests;
}

Result<Transport::Completion> FakeTransport::wait(Deadline) {
    if (ready_.empty()) {
        return Error(ErrorCode::DeadlineOver);
    }
    const auto first = ready_.begin();
    Completion done{first->first, std::move(first->second)};
    ready_.erase(first);
    return done;
}

HttpResponse ocsp_reply(Bytes body) {
    HttpResponse response;
    response.status = 200;
    response.content_type = "application/ocsp-response";
    response.body = std::move(body);
    return response;
}

}  // namespace piv::test
