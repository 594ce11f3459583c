#include "pki/trust/trust_bundle.h"

#include <openssl/cms.h>
#include <openssl/pem.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "pki/x509/certificate_reader.h"
#include "pki/x509/openssl_ptr.h"

namespace piv {

namespace {

struct Free {
    void operator()(CMS_ContentInfo* p) const noexcept { CMS_ContentInfo_free(p); }
    void operator()(STACK_OF(X509) * p) const noexcept {
        sk_X509_free(p);
    }  // borrowed certificates
};
using Cms = std::unique_ptr<CMS_ContentInfo, Free>;

constexpr char kFormat[] = "piv-trust bundle 1";

Error refused(const std::string& what) {
    return {ErrorCode::BundleRefused, what};
}

std::string to_json_text(const TrustInventory& inventory, long long sequence, UnixTime created) {
    nlohmann::ordered_json document{{"format", kFormat},
                                    {"sequence", sequence},
                                    {"created", format_time(created)},
                                    {"certificates", nlohmann::ordered_json::array()}};
    for (const TrustEntry& e : inventory.entries) {
        document["certificates"].push_back(
            {{"state", std::string(to_text(e.state))}, {"pem", to_pem(e.certificate)}});
    }
    return document.dump();
}

Bytes bytes_of(BIO* memory) {
    const unsigned char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    return size > 0 ? Bytes(data, data + size) : Bytes();
}

// The text of a member, or empty.
std::string text_of(const nlohmann::json& object, const char* key) {
    const auto at = object.is_object() ? object.find(key) : object.end();
    if (at == object.end()) {
        return {};
    }
    const auto* const text = at->get_ptr<const std::string*>();
    return text == nullptr ? std::string() : *text;
}

Result<TrustBundle> parse_content(const Bytes& content) {
    const auto document = nlohmann::json::parse(content.begin(), content.end(), nullptr, false);
    if (!document.is_object() || text_of(document, "format") != kFormat) {
        return refused("the content is not a trust bundle");
    }
    const auto sequence = document.find("sequence");
    const auto certificates = document.find("certificates");
    const auto created = parse_time(text_of(document, "created"));
    if (sequence == document.end() || !sequence->is_number_integer() || !created ||
        certificates == document.end() || !certificates->is_array()) {
        return refused("the content has no date, sequence or certificates");
    }
    TrustBundle out;
    out.sequence = sequence->get<long long>();
    out.created = *created;
    if (out.sequence <= 0) {
        return refused("the sequence is not positive");
    }
    for (const auto& item : *certificates) {
        const std::string state = text_of(item, "state");
        const std::string pem = text_of(item, "pem");
        const auto read = read_certificates(ByteView(std::string_view(pem)), "bundle");
        if (!read || read->certificates.size() != 1 ||
            (state != "active" && state != "next" && state != "retired")) {
            return refused("the content has an entry that is no certificate with a state");
        }
        out.certificates.emplace_back(read->certificates.front(), state == "next" ? TrustState::Next
                                                                  : state == "active"
                                                                      ? TrustState::Active
                                                                      : TrustState::Retired);
    }
    return out;
}

Cms decode(ByteView der) {
    const unsigned char* p = der.data();
    Cms cms(d2i_CMS_ContentInfo(nullptr, &p, static_cast<long>(der.size())));
    return cms && p == der.end() ? std::move(cms) : Cms();
}

// One signer, with a digest of SHA-256 or better.
bool is_one_good_signer(CMS_ContentInfo* cms) {
    STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms);
    if (signers == nullptr || sk_CMS_SignerInfo_num(signers) != 1) {
        return false;
    }
    X509_ALGOR* digest = nullptr;
    CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(signers, 0), nullptr, nullptr, &digest,
                             nullptr);
    const ASN1_OBJECT* oid = nullptr;
    X509_ALGOR_get0(&oid, nullptr, nullptr, digest);
    const int nid = OBJ_obj2nid(oid);
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

bool same_content(const TrustBundle& a, const TrustBundle& b) {
    return a.created == b.created &&
           std::equal(a.certificates.begin(), a.certificates.end(), b.certificates.begin(),
                      b.certificates.end(), [](const auto& x, const auto& y) {
                          return x.second == y.second &&
                                 x.first.sha256_hex() == y.first.sha256_hex();
                      });
}

Status check_sequence(const TrustBundle& bundle, const std::optional<TrustBundle>& applied) {
    if (!applied) {
        return {};
    }
    if (bundle.sequence < applied->sequence) {
        return refused("sequence " + std::to_string(bundle.sequence) +
                       " is older than the one applied last, " + std::to_string(applied->sequence));
    }
    if (bundle.sequence == applied->sequence && !same_content(bundle, *applied)) {
        return refused("sequence " + std::to_string(bundle.sequence) +
                       " is that of the one applied last, which says something else");
    }
    return {};
}

}  // namespace

Result<Bytes> create_bundle(const TrustInventory& inventory, long long sequence, UnixTime created,
                            const Certificate& signer, ByteView key) {
    if (inventory.entries.empty()) {
        return Error(ErrorCode::TrustRefused,
                     "no CA is installed: there is nothing to put into a bundle");
    }
    const OpenSslPtr<BIO> key_text(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
    const OpenSslPtr<EVP_PKEY> private_key(PEM_read_bio_PrivateKey(
        key_text.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
    if (!private_key || X509_check_private_key(signer.native(), private_key.get()) != 1) {
        return Error(ErrorCode::TrustRefused,
                     "the key is not an unencrypted PEM key of the signer's certificate");
    }
    const std::string text = to_json_text(inventory, sequence, created);
    const OpenSslPtr<BIO> data(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    // Without certificates: the receiver has the one that counts.
    constexpr unsigned kFlags = CMS_BINARY | CMS_NOSMIMECAP | CMS_NOCERTS | CMS_PARTIAL;
    const Cms cms(CMS_sign(nullptr, nullptr, nullptr, data.get(), kFlags));
    unsigned char* der = nullptr;
    const bool made = cms &&
                      CMS_add1_signer(cms.get(), signer.native(), private_key.get(), EVP_sha256(),
                                      kFlags) != nullptr &&
                      CMS_final(cms.get(), data.get(), nullptr, kFlags) == 1;
    const int size = made ? i2d_CMS_ContentInfo(cms.get(), &der) : -1;
    if (size <= 0) {
        return Error(ErrorCode::Internal, "the bundle cannot be signed");
    }
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

Result<TrustBundle> open_bundle(ByteView der, const Certificate& signer, UnixTime now) {
    const Cms cms = decode(der);
    if (!cms || !is_one_good_signer(cms.get())) {
        return refused("is not CMS SignedData in DER with one signer and SHA-256");
    }
    if (now < signer.not_before() || now > signer.not_after()) {
        return refused("the signer's certificate is not valid at " + format_time(now));
    }
    const std::unique_ptr<STACK_OF(X509), Free> certificates(sk_X509_new_null());
    const OpenSslPtr<BIO> content(BIO_new(BIO_s_mem()));
    // Only the given certificate counts (NOINTERN); it is trusted as it is (NO_SIGNER_CERT_VERIFY).
    if (!certificates || sk_X509_push(certificates.get(), signer.native()) <= 0 ||
        CMS_verify(cms.get(), certificates.get(), nullptr, nullptr, content.get(),
                   CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY) != 1) {
        return refused("the signature does not verify with the given signer");
    }
    return parse_content(bytes_of(content.get()));
}

Result<TrustBundle> read_applied(ByteView der) {
    const Cms cms = decode(der);
    ASN1_OCTET_STRING** content = cms ? CMS_get0_content(cms.get()) : nullptr;
    if (content == nullptr || *content == nullptr) {
        return refused("the one applied last cannot be read");
    }
    const unsigned char* data = ASN1_STRING_get0_data(*content);
    return parse_content(Bytes(data, data + ASN1_STRING_length(*content)));
}

Result<Change> apply_bundle(const TrustInventory& before, const TrustBundle& bundle,
                            const std::optional<TrustBundle>& applied, UnixTime now) {
    if (Status s = check_sequence(bundle, applied); !s) {
        return std::move(s).error();
    }
    Change change{before, {}};
    for (const TrustState state : {TrustState::Active, TrustState::Next}) {
        std::vector<Certificate> of_state;
        for (const auto& [certificate, its_state] : bundle.certificates) {
            if (its_state == state && certificate.not_after() >= now) {
                of_state.push_back(certificate);
            }
        }
        AddOptions options;
        options.state = state;
        auto added = add_certificates(change.after, of_state, options, now);
        if (!added) {
            return std::move(added).error();
        }
        change.after = std::move(added->after);
        change.done.insert(change.done.end(), added->done.begin(), added->done.end());
    }
    for (TrustEntry& e : change.after.entries) {
        const auto in_bundle = std::find_if(
            bundle.certificates.begin(), bundle.certificates.end(), [&e](const auto& item) {
                return item.first.sha256_hex() == e.certificate.sha256_hex();
            });
        const TrustState wanted =
            in_bundle == bundle.certificates.end() ? TrustState::Retired : in_bundle->second;
        if (wanted != e.state && wanted != TrustState::Next) {  // nothing goes back to next
            e.state = wanted;
            e.since = now;
            change.done.push_back(e.certificate.subject() + " is " + std::string(to_text(wanted)) +
                                  " now");
        }
    }
    return change;
}

}  // namespace piv
