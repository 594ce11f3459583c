#include "ocsp_client/signature.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

namespace piv {

namespace {

template <auto Free>
struct Deleter {
    template <typename T>
    void operator()(T* handle) const noexcept {
        Free(handle);
    }
};
using AlgorithmPtr = std::unique_ptr<X509_ALGOR, Deleter<X509_ALGOR_free>>;
using PssPtr = std::unique_ptr<RSA_PSS_PARAMS, Deleter<RSA_PSS_PARAMS_free>>;
using TypePtr = std::unique_ptr<ASN1_TYPE, Deleter<ASN1_TYPE_free>>;
using BitStringPtr = std::unique_ptr<ASN1_BIT_STRING, Deleter<ASN1_BIT_STRING_free>>;

AlgorithmPtr decode_algorithm(ByteView der) {
    const unsigned char* at = der.data();
    AlgorithmPtr algorithm(d2i_X509_ALGOR(nullptr, &at, static_cast<long>(der.size())));
    if (algorithm && at != der.end()) {
        algorithm.reset();
    }
    return algorithm;
}

bool hash_acceptable(int nid) noexcept {
    return nid == NID_sha1 || nid == NID_sha224 || nid == NID_sha256 || nid == NID_sha384 ||
           nid == NID_sha512;
}

Error weak(int nid) {
    const char* name = nid == NID_undef ? nullptr : OBJ_nid2ln(nid);
    return {ErrorCode::OcspSignatureWeak,
            std::string("signature algorithm ") + (name == nullptr ? "not known" : name)};
}

int algorithm_nid(const X509_ALGOR* algorithm) noexcept {
    const ASN1_OBJECT* oid = nullptr;
    X509_ALGOR_get0(&oid, nullptr, nullptr, algorithm);
    return OBJ_obj2nid(oid);
}

// RFC 4055 section 3.1: the hash of RSASSA-PSS stands in the parameters; absent is SHA-1.
Status check_pss(const X509_ALGOR* algorithm) {
    int type = V_ASN1_UNDEF;
    const void* value = nullptr;
    X509_ALGOR_get0(nullptr, &type, &value, algorithm);
    if (type != V_ASN1_SEQUENCE) {
        return Error(ErrorCode::OcspMalformed, "signatureAlgorithm: RSASSA-PSS without parameters");
    }
    const auto* sequence = static_cast<const ASN1_STRING*>(value);
    const unsigned char* at = ASN1_STRING_get0_data(sequence);
    const PssPtr pss(d2i_RSA_PSS_PARAMS(nullptr, &at, ASN1_STRING_length(sequence)));
    if (!pss) {
        return Error(ErrorCode::OcspMalformed, "signatureAlgorithm: RSASSA-PSS parameters");
    }
    const int nid = pss->hashAlgorithm == nullptr ? NID_sha1 : algorithm_nid(pss->hashAlgorithm);
    if (!hash_acceptable(nid)) {
        return weak(nid);
    }
    return {};
}

}  // namespace

Status check_signature_algorithm(ByteView der) {
    const AlgorithmPtr algorithm = decode_algorithm(der);
    if (!algorithm) {
        return Error(ErrorCode::OcspMalformed, "signatureAlgorithm");
    }
    const int nid = algorithm_nid(algorithm.get());
    if (nid == NID_rsassaPss) {
        return check_pss(algorithm.get());
    }
    int parameters = V_ASN1_UNDEF;
    X509_ALGOR_get0(nullptr, &parameters, nullptr, algorithm.get());
    if (nid == NID_ED25519 || nid == NID_ED448) {
        return parameters == V_ASN1_UNDEF
                   ? Status()
                   : Status(Error(ErrorCode::OcspMalformed, "signatureAlgorithm: parameters"));
    }
    int hash = NID_undef;
    int key = NID_undef;
    const bool found = OBJ_find_sigid_algs(nid, &hash, &key) == 1;
    const bool rsa = key == NID_rsaEncryption || key == NID_rsa;
    if (!found || !hash_acceptable(hash) || (!rsa && key != NID_X9_62_id_ecPublicKey)) {
        return weak(nid);
    }
    // RFC 4055 section 5: NULL for RSA; RFC 5758 section 3.2: absent for ECDSA.
    const bool parameters_ok = parameters == V_ASN1_UNDEF || (rsa && parameters == V_ASN1_NULL);
    if (!parameters_ok) {
        return Error(ErrorCode::OcspMalformed, "signatureAlgorithm: parameters");
    }
    return {};
}

Status verify_signature(ByteView signed_bytes, ByteView algorithm, ByteView signature,
                        EVP_PKEY* key) {
    if (Status s = check_signature_algorithm(algorithm); !s) {
        return s;
    }
    const AlgorithmPtr decoded = decode_algorithm(algorithm);
    const unsigned char* at = signed_bytes.data();
    // An ASN.1 ANY that holds a SEQUENCE keeps its bytes: what is hashed is what was received.
    const TypePtr any(d2i_ASN1_TYPE(nullptr, &at, static_cast<long>(signed_bytes.size())));
    const BitStringPtr bits(ASN1_BIT_STRING_new());
    if (!decoded || !any || at != signed_bytes.end() || !bits || key == nullptr ||
        ASN1_BIT_STRING_set(bits.get(), const_cast<unsigned char*>(signature.data()),
                            static_cast<int>(signature.size())) != 1) {
        ERR_clear_error();
        return Error(ErrorCode::OcspSignatureBad);
    }
    bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
    bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;  // zero unused bits
    const int verified =
        ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), decoded.get(), bits.get(), any.get(), key);
    const unsigned long error = ERR_peek_error();
    ERR_clear_error();
    if (verified == 1) {
        return {};
    }
    if (verified < 0 && ERR_GET_LIB(error) == ERR_LIB_EVP) {
        return Error(ErrorCode::OcspSignatureWeak,
                     "this system's crypto policy refuses the signature algorithm");
    }
    return Error(ErrorCode::OcspSignatureBad);
}

}  // namespace piv
