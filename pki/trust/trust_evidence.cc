#include "pki/trust/trust_evidence.h"

#include <openssl/ocsp.h>
#include <openssl/sha.h>

#include <algorithm>

#include "pki/config/rooted_file.h"
#include "pki/x509/certification_path.h"
#include "pki/x509/openssl_ptr.h"

namespace piv {

namespace {

constexpr std::size_t kMaxCards = 2000;
constexpr std::size_t kMaxFile = 256U << 10U;

struct OcspDeleter {
    void operator()(OCSP_RESPONSE* p) const noexcept { OCSP_RESPONSE_free(p); }
    void operator()(OCSP_BASICRESP* p) const noexcept { OCSP_BASICRESP_free(p); }
};

// The first certificate that stands anywhere in the octets of a card's object.
void take_certificate(ByteView object, std::vector<Certificate>& out) {
    for (std::size_t i = 0; i + 4 < object.size(); ++i) {
        if (object[i] != 0x30 || object[i + 1] != 0x82) {
            continue;
        }
        const std::size_t size =
            4U + (static_cast<std::size_t>(object[i + 2]) << 8U) + object[i + 3];
        if (i + size > object.size()) {
            continue;
        }
        if (auto c = Certificate::from_der(object.sub(i, size)); c) {
            out.push_back(std::move(*c));
            return;
        }
    }
}

void take_folder(const std::string& root, const std::string& path, std::vector<Certificate>& out) {
    const auto folder = RootedFolder::open(root, path);
    const auto names = folder ? folder->list("") : Result<std::vector<std::string>>(folder.error());
    if (!names) {
        return;
    }
    for (std::size_t i = 0; i < names->size() && i < kMaxCards; ++i) {
        if (const auto content = folder->read((*names)[i], kMaxFile); content) {
            take_certificate(*content, out);
        }
    }
}

// Certificates of cards that logged in, and of those that piv-accounts mapped.
std::vector<Certificate> known_cards(const TrustInventory& inventory) {
    std::vector<Certificate> out;
    take_folder(inventory.tree.root, inventory.settings.revocation.cache + "/cards", out);
    take_folder(inventory.tree.root, kMappedCertificates, out);
    return out;
}

// "CN=a, O=b" and "CN=a,O=b" are one issuer.
std::string without_optional_blanks(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool optional =
            name[i] == ' ' && ((!out.empty() && (out.back() == ',' || out.back() == '=')) ||
                               (i + 1 < name.size() && (name[i + 1] == ',' || name[i + 1] == '=')));
        if (!optional) {
            out += name[i];
        }
    }
    return out;
}

std::vector<std::string> issuers_in_map(const TrustInventory& inventory) {
    std::vector<std::string> out;
    const auto content =
        read_rooted(inventory.tree.root, inventory.settings.mapping.accounts, 64U << 20U);
    if (!content) {
        return out;
    }
    constexpr std::string_view kKey = "issuer-serial ";
    std::string_view text = ByteView(*content).text();
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        const std::size_t arrow = line.find(" -> ");
        if (line.substr(0, kKey.size()) != kKey || arrow == std::string_view::npos) {
            continue;
        }
        const std::string_view value = line.substr(kKey.size(), arrow - kKey.size());
        const std::size_t serial = value.find_last_of(' ', value.find_last_not_of(' '));
        if (serial != std::string_view::npos) {
            std::string_view name = value.substr(0, serial);
            name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
            out.push_back(without_optional_blanks(name));
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

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
        const auto content = folder->read(name, kMaxFile);
        if (content && read_answer(*content, answer)) {
            out.push_back(std::move(answer));
        }
    }
    return out;
}

std::string key_sha1(const Certificate& certificate) {
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

bool validates(const Certificate& certificate, const TrustStore& store, UnixTime now) {
    PathPolicy policy;
    policy.purpose = Purpose::Any;
    return validate_path(certificate, store, {}, policy, now).ok();
}

}  // namespace

bool keep_all(const TrustEntry&) {
    return true;
}

bool keep_unless_retired(const TrustEntry& entry) {
    return entry.state != TrustState::Retired;
}

TrustEvidence collect_evidence(const TrustInventory& inventory) {
    return {known_cards(inventory), issuers_in_map(inventory), staged_answers(inventory)};
}

std::vector<std::string> dependents_of(const TrustInventory& inventory, std::size_t index,
                                       const TrustEvidence& evidence, UnixTime now,
                                       bool (*keep)(const TrustEntry&)) {
    const TrustEntry& entry = inventory.entries[index];
    const TrustStore with = store_of(inventory, keep_all);
    const TrustStore without = store_of(
        inventory, [&entry, keep](const TrustEntry& e) { return &e != &entry && keep(e); });
    const auto breaks = [&](const Certificate& c) {
        return validates(c, with, now) && !validates(c, without, now);
    };
    std::vector<std::string> out;
    for (const TrustEntry& e : inventory.entries) {
        if (&e == &entry || e.role != TrustRole::Intermediate || !breaks(e.certificate)) {
            continue;
        }
        out.push_back("the intermediate CA " + e.certificate.subject());
    }
    std::size_t cards = 0;
    std::string example;
    for (const Certificate& c : evidence.cards) {
        if (breaks(c)) {
            ++cards;
            example = c.subject();
        }
    }
    if (cards != 0) {
        out.push_back(std::to_string(cards) + (cards == 1 ? " card" : " cards") +
                      " of people with an account here, such as " + example);
    }
    const std::string name = without_optional_blanks(entry.certificate.subject());
    const bool other_of_name =
        std::any_of(inventory.entries.begin(), inventory.entries.end(), [&](const TrustEntry& e) {
            return &e != &entry && keep(e) &&
                   e.certificate.subject() == entry.certificate.subject() &&
                   validates(e.certificate, without, now);
        });
    if (!other_of_name &&
        std::binary_search(evidence.map_issuers.begin(), evidence.map_issuers.end(), name)) {
        out.emplace_back("issuer-serial lines of the account map that name it");
    }
    const std::string key = key_sha1(entry.certificate);
    for (const StagedAnswer& a : evidence.answers) {
        const bool other_of_key = std::any_of(
            inventory.entries.begin(), inventory.entries.end(), [&](const TrustEntry& e) {
                return &e != &entry && keep(e) && key_sha1(e.certificate) == key;
            });
        if (!other_of_key && std::find(a.issuer_key_sha1.begin(), a.issuer_key_sha1.end(), key) !=
                                 a.issuer_key_sha1.end()) {
            out.push_back("the staged OCSP answer " + a.file);
        }
    }
    return out;
}

std::vector<std::size_t> successors_of(const TrustInventory& inventory, std::size_t index) {
    const TrustEntry& old = inventory.entries[index];
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < inventory.entries.size(); ++i) {
        const TrustEntry& e = inventory.entries[i];
        const bool related = e.succeeds == old.certificate.sha256_hex() ||
                             e.certificate.subject_der() == old.certificate.subject_der();
        if (i != index && related && e.role == old.role && e.state != TrustState::Retired &&
            e.certificate.not_after() > old.certificate.not_after()) {
            out.push_back(i);
        }
    }
    return out;
}

}  // namespace piv
