#include "pki/trust/ocsp_evidence.h"

#include <openssl/ocsp.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include <algorithm>

#include "pki/config/rooted_file.h"
#include "pki/trust/embedded_certificates.h"
#include "pki/x509/openssl_ptr.h"

namespace piv {

namespace {

constexpr std::size_t kMaxAnswer = 256U << 10U;
constexpr std::size_t kMaxCached = 4096;

struct OcspDeleter {
    void operator()(OCSP_RESPONSE* p) const noexcept { OCSP_RESPONSE_free(p); }
    void operator()(OCSP_BASICRESP* p) const noexcept { OCSP_BASICRESP_free(p); }
};

UnixTime unix_time(const ASN1_GENERALIZEDTIME* time) {
    int days = 0;
    int seconds = 0;
    const OpenSslPtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
    if (time == nullptr || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) {
        return 0;
    }
    return static_cast<UnixTime>(days) * 86400 + seconds;
}

bool read_answer(ByteView der, StagedAnswer& out) {
    const unsigned char* p = der.data();
    const std::unique_ptr<OCSP_RESPONSE, OcspDeleter> response(
        d2i_OCSP_RESPONSE(nullptr, &p, static_cast<long>(der.size())));
    const std::unique_ptr<OCSP_BASICRESP, OcspDeleter> basic(
        response ? OCSP_response_get1_basic(response.get()) : nullptr);
    if (!basic) {
        return false;
    }
    const STACK_OF(X509)* certificates = OCSP_resp_get0_certs(basic.get());
    for (int i = 0; i < sk_X509_num(certificates); ++i) {
        unsigned char* raw = nullptr;
        const int size = i2d_X509(sk_X509_value(certificates, i), &raw);
        if (size > 0) {
            if (auto c = Certificate::from_der({raw, static_cast<std::size_t>(size)}); c) {
                out.responders.push_back(std::move(*c));
            }
            OPENSSL_free(raw);
        }
    }
    for (int i = 0; i < OCSP_resp_count(basic.get()); ++i) {
        OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), i);
        ASN1_GENERALIZEDTIME* next = nullptr;
        (void)OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &next);
        const UnixTime time = unix_time(next);
        if (time != 0 && (out.next_update == 0 || time < out.next_update)) {
            out.next_update = time;
        }
        ASN1_OCTET_STRING* key_hash = nullptr;
        auto* id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single));
        if (OCSP_id_get0_info(nullptr, nullptr, &key_hash, nullptr, id) == 1 &&
            key_hash != nullptr) {
            out.issuer_key_sha1.push_back(
                to_hex({ASN1_STRING_get0_data(key_hash),
                        static_cast<std::size_t>(ASN1_STRING_length(key_hash))}));
        }
    }
    return true;
}

std::vector<StagedAnswer> staged_answers(const TrustInventory& inventory) {
    std::vector<StagedAnswer> out;
    const auto folder = RootedFolder::open(inventory.tree.root, PIV_STATEDIR "/ocsp");
    const auto names =
        folder ? folder->list(".der") : Result<std::vector<std::string>>(folder.error());
    if (!names) {
        return out;
    }
    for (const std::string& name : *names) {
        StagedAnswer answer;
        answer.file = folder->shown(name);
        const auto content = folder->read(name, kMaxAnswer);
        if (content && read_answer(*content, answer)) {
            out.push_back(std::move(answer));
        }
    }
    return out;
}

bool is_responder(const Certificate& certificate) {
    return (X509_get_extension_flags(certificate.native()) & EXFLAG_XKUSAGE) != 0 &&
           (X509_get_extended_key_usage(certificate.native()) & XKU_OCSP_SIGN) != 0;
}

// A cached answer is stored when it has been verified: its file's date is that of a success.
void take_cached(const TrustInventory& inventory, OcspEvidence& out) {
    const auto folder =
        RootedFolder::open(inventory.tree.root, inventory.settings.revocation.cache);
    const auto names =
        folder ? folder->list(".ocsp") : Result<std::vector<std::string>>(folder.error());
    for (std::size_t i = 0; names && i < std::min(names->size(), kMaxCached); ++i) {
        out.last_success = std::max(out.last_success, folder->modified((*names)[i]));
        const auto content = folder->read((*names)[i], kMaxAnswer);
        if (!content) {
            continue;
        }
        for (Certificate& c : embedded_certificates(*content)) {
            const bool known = std::any_of(
                out.responders.begin(), out.responders.end(),
                [&c](const Certificate& r) { return r.sha256_hex() == c.sha256_hex(); });
            if (!known && is_responder(c)) {
                out.responders.push_back(std::move(c));
            }
        }
    }
}

}  // namespace

std::string issuer_key_sha1(const Certificate& certificate) {
    const ASN1_BIT_STRING* key = X509_get0_pubkey_bitstr(certificate.native());
    unsigned char digest[SHA_DIGEST_LENGTH];
    unsigned size = 0;
    if (key == nullptr ||
        EVP_Digest(ASN1_STRING_get0_data(key), static_cast<std::size_t>(ASN1_STRING_length(key)),
                   digest, &size, EVP_sha1(), nullptr) != 1) {
        return {};
    }
    return to_hex({digest, size});
}

OcspEvidence ocsp_evidence(const TrustInventory& inventory) {
    OcspEvidence out;
    out.answers = staged_answers(inventory);
    take_cached(inventory, out);
    return out;
}

}  // namespace piv
