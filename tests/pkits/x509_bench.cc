// Measures what a login does with certificates; tests/bench/paths calls it.
//   x509_bench path ANCHORS INTERMEDIATES LEAF INDEX ROUNDS   one line: microseconds per validation
//   x509_bench crl CRL ISSUER LEAF INDEX_FOLDER               one line: milliseconds, good|revoked|...
//   x509_bench digest FILE                                    one line: milliseconds of a bare SHA-256
//   x509_bench make-crl OUT KEY CERT ENTRIES SERIAL           writes a CRL in DER with SERIAL in it
//   x509_bench make-cas OUT_FOLDER COUNT                      writes COUNT self-signed CA certificates
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>

#include "pki/base/file.h"
#include "pki/x509/certificate_reader.h"
#include "pki/x509/crl.h"
#include "pki/x509/openssl_ptr.h"

using namespace piv;

namespace {

using Clock = std::chrono::steady_clock;

double micros(Clock::time_point from) {
    return std::chrono::duration<double, std::micro>(Clock::now() - from).count();
}

Certificate first_of(const std::string& path) {
    Result<ReadCertificates> read = read_certificate_file(path);
    if (!read) {
        std::fprintf(stderr, "%s\n", read.error().detail.c_str());
        std::exit(2);
    }
    return read->certificates.front();
}

// Each round is a login: it opens the store anew. The median.
int bench_path(char** argv) {
    const Certificate leaf = first_of(argv[4]);
    const int rounds = std::stoi(argv[6]);
    std::vector<double> times;
    for (int i = 0; i < rounds; ++i) {
        const auto from = Clock::now();
        Result<TrustStore> store = TrustStore::open(argv[2], argv[3], false, argv[5]);
        if (!store) {
            std::fprintf(stderr, "%s\n", store.error().detail.c_str());
            return 2;
        }
        Result<CertificationPath> path = validate_path(leaf, *store, {}, {}, system_time_now());
        if (!path) {
            std::fprintf(stderr, "%s\n", path.error().detail.c_str());
            return 2;
        }
        times.push_back(micros(from));
    }
    std::sort(times.begin(), times.end());
    std::printf("%.1f\n", times[times.size() / 2]);
    return 0;
}

int bench_crl(char** argv) {
    const Certificate issuer = first_of(argv[3]);
    const Certificate leaf = first_of(argv[4]);
    TrustStore store;
    store.add_anchor(issuer);
    const std::vector<Certificate> none;
    const auto from = Clock::now();
    Result<CrlSet> crls = CrlSet::open({argv[2]}, argv[5]);
    if (!crls) {
        std::fprintf(stderr, "%s\n", crls.error().detail.c_str());
        return 2;
    }
    const CrlVerdict v =
        check_crls({leaf, issuer}, *crls, {store, none, PathPolicy(), system_time_now(), 0});
    const double ms = micros(from) / 1000;
    rusage usage{};
    (void)getrusage(RUSAGE_SELF, &usage);
    std::printf("%.3f\t%s\t%ld\t%s\n", ms,
                v.state == CrlState::Good      ? "good"
                : v.state == CrlState::Revoked ? "revoked"
                                               : "undetermined",
                usage.ru_maxrss, v.why.detail.c_str());
    return 0;
}

int bench_digest(char** argv) {
    std::ifstream in(argv[2], std::ios::binary);
    const OpenSslPtr<EVP_MD_CTX> ctx(EVP_MD_CTX_new());
    std::vector<char> part(std::size_t{1} << 20U);
    const auto from = Clock::now();
    (void)EVP_DigestInit_ex(ctx.get(), EVP_sha256(), nullptr);
    while (in.read(part.data(), static_cast<std::streamsize>(part.size())) || in.gcount() > 0) {
        (void)EVP_DigestUpdate(ctx.get(), part.data(), static_cast<std::size_t>(in.gcount()));
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    (void)EVP_DigestFinal_ex(ctx.get(), digest, nullptr);
    std::printf("%.3f\n", micros(from) / 1000);
    return 0;
}

// Entries as a large CA has them: 16 octet serials, a date and a reason.
int make_crl(char** argv) {
    const OpenSslPtr<BIO> key_in(BIO_new_file(argv[3], "r"));
    const OpenSslPtr<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(key_in.get(), nullptr, nullptr, nullptr));
    const Certificate issuer = first_of(argv[4]);
    const long entries = std::stol(argv[5]);
    const OpenSslPtr<X509_CRL> crl(X509_CRL_new());
    X509_CRL_set_version(crl.get(), 1);
    X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.native()));
    ASN1_TIME* time = ASN1_TIME_set(nullptr, static_cast<time_t>(system_time_now() - 3600));
    X509_CRL_set1_lastUpdate(crl.get(), time);
    (void)ASN1_TIME_set(time, static_cast<time_t>(system_time_now() + 86400 * 30L));
    X509_CRL_set1_nextUpdate(crl.get(), time);
    (void)ASN1_TIME_set(time, static_cast<time_t>(system_time_now() - 7200));
    std::uint64_t state = 1;
    for (long i = 0; i < entries; ++i) {
        unsigned char serial[16];
        for (unsigned char& octet : serial) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            octet = static_cast<unsigned char>(state >> 56U);
        }
        serial[0] = static_cast<unsigned char>((serial[0] & 0x3FU) | 0x40U);
        BIGNUM* number = BN_bin2bn(serial, sizeof(serial), nullptr);
        if (i == entries / 2) {
            BN_set_word(number, std::stoul(argv[6]));
        }
        ASN1_INTEGER* integer = BN_to_ASN1_INTEGER(number, nullptr);
        X509_REVOKED* one = X509_REVOKED_new();
        X509_REVOKED_set_serialNumber(one, integer);
        X509_REVOKED_set_revocationDate(one, time);
        X509_CRL_add0_revoked(crl.get(), one);
        ASN1_INTEGER_free(integer);
        BN_free(number);
    }
    ASN1_TIME_free(time);
    const bool good = X509_CRL_sign(crl.get(), key.get(), EVP_sha256()) > 0;
    const OpenSslPtr<BIO> out(BIO_new_file(argv[2], "w"));
    return good && i2d_X509_CRL_bio(out.get(), crl.get()) == 1 ? 0 : 2;
}

// One key for all: it is the number of names that counts.
int make_cas(char** argv) {
    const OpenSslPtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr));
    EVP_PKEY* made = nullptr;
    if (EVP_PKEY_keygen_init(ctx.get()) != 1 ||
        EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx.get(), NID_X9_62_prime256v1) != 1 ||
        EVP_PKEY_keygen(ctx.get(), &made) != 1) {
        return 2;
    }
    const OpenSslPtr<EVP_PKEY> key(made);
    const int count = std::stoi(argv[3]);
    for (int i = 0; i < count; ++i) {
        const OpenSslPtr<X509> x(X509_new());
        X509_set_version(x.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x.get()), i + 1);
        X509_gmtime_adj(X509_getm_notBefore(x.get()), -3600);
        X509_gmtime_adj(X509_getm_notAfter(x.get()), 86400 * 30L);
        const std::string cn = "Installed CA " + std::to_string(i);
        X509_NAME* name = X509_get_subject_name(x.get());
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(cn.c_str()), -1, -1, 0);
        X509_set_issuer_name(x.get(), name);
        X509_set_pubkey(x.get(), key.get());
        X509_EXTENSION* ca =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
        X509_add_ext(x.get(), ca, -1);
        X509_EXTENSION_free(ca);
        (void)X509_sign(x.get(), key.get(), EVP_sha256());
        const std::string path = std::string(argv[2]) + "/ca-" + std::to_string(i) + ".pem";
        const OpenSslPtr<BIO> out(BIO_new_file(path.c_str(), "w"));
        if (out == nullptr || PEM_write_bio_X509(out.get(), x.get()) != 1) {
            return 2;
        }
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "path" && argc == 7) {
        return bench_path(argv);
    }
    if (what == "crl" && argc == 6) {
        return bench_crl(argv);
    }
    if (what == "digest" && argc == 3) {
        return bench_digest(argv);
    }
    if (what == "make-crl" && argc == 7) {
        return make_crl(argv);
    }
    if (what == "make-cas" && argc == 4) {
        return make_cas(argv);
    }
    std::fprintf(stderr, "usage: see the head of x509_bench.cc\n");
    return 64;
}
