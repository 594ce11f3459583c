// The accept oracle: chains of three certificates, one of them mutated and signed again, judged by us and
// by OpenSSL's verifier, and a sample of what we accept by GnuTLS's certtool. It is an error to accept
// what another refuses, but for the reasons in docs/paths.md.
//   fuzz_paths SEED ROUNDS
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <random>

#include "pki/base/file.h"
#include "pki/x509/certificate_fields.h"
#include "pki/x509/certificate_reader.h"
#include "pki/x509/certification_path.h"
#include "pki/x509/der.h"
#include "pki/x509/openssl_ptr.h"
#include "tests/fuzz/der_tree.h"

using namespace piv;
using namespace piv::test;

namespace {

constexpr UnixTime kNow = 1800000000;
constexpr UnixTime kTenYears = 315360000;

struct StoreDeleter {
    void operator()(X509_STORE* s) const noexcept { X509_STORE_free(s); }
    void operator()(X509_STORE_CTX* c) const noexcept { X509_STORE_CTX_free(c); }
    void operator()(STACK_OF(X509) * s) const noexcept { sk_X509_free(s); }
};

OpenSslPtr<EVP_PKEY> make_key() {
    const OpenSslPtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr));
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_keygen_init(ctx.get()) != 1 ||
        EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx.get(), NID_X9_62_prime256v1) != 1 ||
        EVP_PKEY_keygen(ctx.get(), &key) != 1) {
        std::abort();
    }
    return OpenSslPtr<EVP_PKEY>(key);
}

struct Plan {
    const char* subject;
    const char* issuer;
    EVP_PKEY* key;
    EVP_PKEY* signer;
    std::vector<std::pair<int, const char*>> extensions;
};

// The TBSCertificate of a plan.
DerNode make_tbs(const Plan& plan) {
    const OpenSslPtr<X509> x(X509_new());
    X509_set_version(x.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 77);
    ASN1_TIME_set(X509_getm_notBefore(x.get()), static_cast<time_t>(kNow - kTenYears));
    ASN1_TIME_set(X509_getm_notAfter(x.get()), static_cast<time_t>(kNow + kTenYears));
    const auto name = [](X509_NAME* to, const char* cn) {
        X509_NAME_add_entry_by_txt(to, "O", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("Example"), -1, -1, 0);
        X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(cn), -1, -1, 0);
    };
    name(X509_get_subject_name(x.get()), plan.subject);
    name(X509_get_issuer_name(x.get()), plan.issuer);
    X509_set_pubkey(x.get(), plan.key);
    for (const auto& [nid, value] : plan.extensions) {
        X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
        if (e == nullptr) {
            std::abort();
        }
        X509_add_ext(x.get(), e, -1);
        X509_EXTENSION_free(e);
    }
    (void)X509_sign(x.get(), plan.signer, EVP_sha256());
    std::uint8_t* der = nullptr;
    const int length = i2d_X509(x.get(), &der);
    DerNode whole;
    if (length <= 0 || !parse_tree(ByteView(der, static_cast<std::size_t>(length)), whole)) {
        std::abort();
    }
    OPENSSL_free(der);
    return whole.children[0];
}

Bytes sign(const DerNode& tbs, EVP_PKEY* key) {
    static const std::uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                                0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    const Bytes body = tbs.encode();
    const OpenSslPtr<EVP_MD_CTX> ctx(EVP_MD_CTX_new());
    std::size_t length = 256;
    Bytes signature(length);
    if (EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(ctx.get(), signature.data(), &length, body.data(), body.size()) != 1) {
        std::abort();
    }
    signature.resize(length);
    signature.insert(signature.begin(), 0);
    Bytes contents = body;
    der::append(contents, ByteView(ecdsa_sha256, sizeof(ecdsa_sha256)));
    der::append(contents, der::encode(der::kBitString, signature));
    return der::encode(der::kSequence, contents);
}

void mutate_value(Bytes& value, std::mt19937_64& random) {
    if (value.empty()) {
        value.push_back(static_cast<std::uint8_t>(random()));
        return;
    }
    const std::size_t at = random() % value.size();
    switch (random() % 4) {
        case 0:
            value[at] ^= static_cast<std::uint8_t>(1U << (random() % 8));
            break;
        case 1:
            value[at] = static_cast<std::uint8_t>(random());
            break;
        case 2:
            value.erase(value.begin() + static_cast<std::ptrdiff_t>(at));
            break;
        default:
            value.insert(value.begin() + static_cast<std::ptrdiff_t>(at),
                         static_cast<std::uint8_t>(random()));
            break;
    }
}

void mutate(DerNode& tbs, std::mt19937_64& random) {
    std::vector<DerNode*> nodes;
    collect(tbs, nodes);
    DerNode& node = *nodes[random() % nodes.size()];
    if (random() % 16 == 0) {
        node.tag = static_cast<std::uint8_t>(random());
        return;
    }
    if (!node.nested) {
        mutate_value(node.value, random);
        return;
    }
    if (node.children.empty()) {
        return;
    }
    const auto at =
        node.children.begin() + static_cast<std::ptrdiff_t>(random() % node.children.size());
    const DerNode copy = *at;
    switch (random() % 3) {
        case 0:
            node.children.erase(at);
            break;
        case 1:
            node.children.insert(at, copy);
            break;
        default:
            std::swap(*at, node.children.front());
            break;
    }
}

// X509_V_OK or why OpenSSL refuses; -1: it cannot read one of them.
int openssl_verdict(const std::vector<Bytes>& chain) {
    std::vector<OpenSslPtr<X509>> parsed;
    for (const Bytes& der : chain) {
        const std::uint8_t* p = der.data();
        parsed.emplace_back(d2i_X509(nullptr, &p, static_cast<long>(der.size())));
        if (parsed.back() == nullptr) {
            ERR_clear_error();
            return -1;
        }
    }
    const std::unique_ptr<X509_STORE, StoreDeleter> store(X509_STORE_new());
    (void)X509_STORE_add_cert(store.get(), parsed[2].get());
    const std::unique_ptr<STACK_OF(X509), StoreDeleter> untrusted(sk_X509_new_null());
    (void)sk_X509_push(untrusted.get(), parsed[1].get());
    const std::unique_ptr<X509_STORE_CTX, StoreDeleter> ctx(X509_STORE_CTX_new());
    if (X509_STORE_CTX_init(ctx.get(), store.get(), parsed[0].get(), untrusted.get()) != 1) {
        std::abort();
    }
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx.get());
    X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(kNow));
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    const int good = X509_verify_cert(ctx.get());
    ERR_clear_error();
    return good == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx.get());
}

bool our_verdict(const std::vector<Bytes>& chain, std::string& why) {
    std::vector<Certificate> parsed;
    for (const Bytes& der : chain) {
        Result<Certificate> c = Certificate::from_der(der);
        if (!c) {
            why = c.error().detail;
            return false;
        }
        parsed.push_back(std::move(c).value());
    }
    TrustStore store;
    store.add_anchor(parsed[2]);
    PathPolicy policy;
    policy.purpose = Purpose::Any;
    Result<CertificationPath> path = validate_path(parsed[0], store, {parsed[1]}, policy, kNow);
    if (!path) {
        why = std::string(info(path.code()).name);
    }
    return path.ok();
}

Certificate decoded(const Bytes& der) {
    Result<Certificate> c = Certificate::from_der(der);
    if (!c) {
        std::abort();  // it was accepted a moment ago
    }
    return std::move(c).value();
}

// Reasons of OpenSSL's that RFC 5280 does not have; docs/paths.md.
bool listed(int error, const std::vector<Bytes>& chain) {
    if (error != X509_V_ERR_PERMITTED_VIOLATION && error != X509_V_ERR_EXCLUDED_VIOLATION) {
        return false;
    }
    // RFC 3986 section 3.2: an authority also ends at "?" or "#"; OpenSSL takes those for the host.
    const Certificate leaf = decoded(chain[0]);
    const auto& names = leaf.fields().subject_alt_names;
    for (const GeneralName& name : names ? *names : std::vector<GeneralName>()) {
        const std::string_view uri = name.value.text();
        const std::size_t end = uri.find_first_of("/?#", uri.find("://") + 3);
        if (name.form == GeneralName::Form::Uri && uri.find("://") != std::string_view::npos &&
            end != std::string_view::npos && uri[end] != '/') {
            return true;
        }
    }
    return false;
}

// GnuTLS compares names octet by octet; RFC 5280 section 7.1 folds case and blanks.
bool names_chain_exactly(const std::vector<Bytes>& chain) {
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
        if (decoded(chain[i]).issuer_der() != decoded(chain[i + 1]).subject_der()) {
            return false;
        }
    }
    return true;
}

// True when certtool accepts too, or is asked about a time that is not now.
bool certtool_agrees(const std::vector<Bytes>& chain, const std::string& folder) {
    const UnixTime now = system_time_now();  // certtool has no other
    std::string pem[3];
    for (std::size_t i = 0; i < 3; ++i) {
        const Certificate c = decoded(chain[i]);
        if (now < c.not_before() || now > c.not_after()) {
            return true;
        }
        pem[i] = to_pem(c);
    }
    const std::string two = pem[0] + pem[1];
    if (!write_file_atomically(folder + "/chain.pem", ByteView(std::string_view(two)), 0600) ||
        !write_file_atomically(folder + "/root.pem", ByteView(std::string_view(pem[2])), 0600)) {
        return true;
    }
    const std::string command = "certtool --verify --load-ca-certificate " + folder +
                                "/root.pem --infile " + folder + "/chain.pem >/dev/null 2>&1";
    const int status = std::system(command.c_str());  // NOLINT(cert-env33-c)
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void print_chain(const std::vector<Bytes>& chain) {
    for (const Bytes& der : chain) {
        std::printf("  %s\n", to_hex(der).c_str());
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: fuzz_paths SEED ROUNDS\n");
        return 64;
    }
    std::mt19937_64 random(std::stoull(argv[1]));
    const long rounds = std::stol(argv[2]);
    const auto root_key = make_key();
    const auto ca_key = make_key();
    const auto user_key = make_key();
    const Plan plans[3] = {
        {"Alice",
         "CA",
         user_key.get(),
         ca_key.get(),
         {{NID_basic_constraints, "critical,CA:FALSE"},
          {NID_key_usage, "critical,digitalSignature"},
          {NID_ext_key_usage, "clientAuth,1.3.6.1.4.1.311.20.2.2"},
          {NID_subject_alt_name,
           "email:alice@example.com,DNS:host.example.com,URI:http://host.example.com/"
           ",IP:192.0.2.7"}}},
        {"CA",
         "Root",
         ca_key.get(),
         root_key.get(),
         {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
          {NID_key_usage, "critical,keyCertSign,cRLSign"},
          {NID_name_constraints,
           "critical,permitted;email:example.com,permitted;DNS:example.com,permitted;URI:.example."
           "com,"
           "permitted;IP:192.0.2.0/255.255.255.0,excluded;DNS:bad.example.com"}}},
        {"Root",
         "Root",
         root_key.get(),
         root_key.get(),
         {{NID_basic_constraints, "critical,CA:TRUE"},
          {NID_key_usage, "critical,keyCertSign,cRLSign"}}}};
    if (std::system("certtool --version >/dev/null 2>&1") != 0) {  // NOLINT(cert-env33-c)
        std::printf("skipped: certtool is not installed (scripts/install-deps test)\n");
        return 77;
    }
    char folder[] = "/tmp/fuzz-paths-XXXXXX";
    if (mkdtemp(folder) == nullptr) {
        return 2;
    }
    long accepted = 0;
    long asked_gnutls = 0;
    long alone = 0;
    std::map<std::string, long> refusals;
    for (long round = 0; round < rounds; ++round) {
        std::vector<Bytes> chain;
        const std::size_t victim = random() % 3;
        for (std::size_t i = 0; i < 3; ++i) {
            DerNode tbs = make_tbs(plans[i]);
            for (std::size_t m = 0; i == victim && round > 0 && m < 1 + random() % 2; ++m) {
                mutate(tbs, random);
            }
            chain.push_back(sign(tbs, plans[i].signer));
        }
        std::string why;
        if (!our_verdict(chain, why)) {
            ++refusals[why];
            if (round == 0) {
                std::printf("the chain without mutations is refused: %s\n", why.c_str());
                return 1;
            }
            continue;
        }
        ++accepted;
        const int error = openssl_verdict(chain);
        if (error != X509_V_OK && !listed(error, chain)) {
            ++alone;
            std::printf("accepted alone; OpenSSL: %s\n",
                        error < 0 ? "cannot read it" : X509_verify_cert_error_string(error));
            print_chain(chain);
        }
        if (accepted % 16 == 0) {
            ++asked_gnutls;
            if (names_chain_exactly(chain) && !certtool_agrees(chain, folder)) {
                ++alone;
                std::printf("accepted alone; certtool refuses\n");
                print_chain(chain);
            }
        }
    }
    const std::string remove = std::string("rm -rf ") + folder;
    if (std::system(remove.c_str()) != 0) {  // NOLINT(cert-env33-c)
        std::printf("%s is left behind\n", folder);
    }
    for (const auto& [name, count] : refusals) {
        std::printf("%8ld refused: %s\n", count, name.c_str());
    }
    std::printf("%ld rounds, %ld accepted, %ld of them asked of certtool, %ld accepted alone\n",
                rounds, accepted, asked_gnutls, alone);
    return alone == 0 && accepted > 0 ? 0 : 1;
}
